/** Tokens of which some are learned and others only read: an answer and what it answers. */
import { InputError } from "../../errors.js";
import type { ChatMessage, ChatTemplate } from "./chat-template.js";
import type { EncodedText, TextTokenizer } from "./tokenizer.js";

/** A text for a network that predicts the next token. */
export interface LearnedText extends EncodedText {
  /** 1 at the tokens that are learned, 0 at those that are only read; where it is absent, all are learned. */
  readonly learned?: Uint8Array;
  /** Where the texts begin that share this row; where it is absent, there is one. */
  readonly starts?: readonly number[];
}

/** Which tokens are learned: the completion, everything, or what the assistant writes, in a prompt too. */
export type LossOn = "completion" | "all" | "assistant";

/** The tokens that a text has as a whole; the encoder's own cut is not wanted before it is known what is learned. */
const uncut = Number.MAX_SAFE_INTEGER;

/**
 * A prompt and its completion, which follows it as it stands and is ended by the tokenizer's end token. The cut to `maxLength`
 * keeps the beginning.
 */
export function encodeCompletion(
  tokenizer: TextTokenizer,
  { prompt, completion }: { readonly prompt: string; readonly completion: string },
  { maxLength, lossOn }: { readonly maxLength: number; readonly lossOn: LossOn },
): LearnedText {
  const ids = [...tokenizer.encode(prompt + completion, undefined, uncut).ids];
  if (tokenizer.endId !== undefined && ids.at(-1) !== tokenizer.endId) ids.push(tokenizer.endId);
  const learned = new Uint8Array(ids.length);
  const read = lossOn === "all" ? 0 : commonLength(tokenizer.encode(prompt, undefined, uncut).ids, ids);
  return cutText(ids, learned.fill(1, read), maxLength);
}

/**
 * What a prompt and a possible answer are measured by: as `encodeCompletion`, without a token of the end, and where they are too
 * long the prompt loses its beginning.
 */
export function encodeContinuation(
  tokenizer: TextTokenizer,
  { prompt, completion }: { readonly prompt: string; readonly completion: string },
  maxLength: number,
): LearnedText {
  const ids = tokenizer.encode(prompt + completion, undefined, uncut).ids;
  const learned = new Uint8Array(ids.length);
  learned.fill(1, commonLength(tokenizer.encode(prompt, undefined, uncut).ids, ids));
  const first = Math.max(0, ids.length - maxLength);
  return { ...cutText([...ids.subarray(first)], learned.subarray(first), maxLength), wasTruncated: first > 0 };
}

/** A conversation and what may be known of it. */
export interface Chat {
  readonly messages: readonly ChatMessage[];
  /** The message that the completion begins with, where a prompt is told from it. */
  readonly completionFrom?: number;
  readonly tools?: readonly unknown[] | undefined;
}

/**
 * A conversation as the template writes it. What the assistant writes is what the template marks; without marks it is what each
 * of its messages adds to the text, after what comes before an answer.
 * @throws InputError where the template refuses it, or writes its beginning otherwise once it goes on
 */
export function encodeChat(
  tokenizer: TextTokenizer,
  template: ChatTemplate,
  chat: Chat,
  { maxLength, lossOn }: { readonly maxLength: number; readonly lossOn: LossOn },
): LearnedText {
  const { text, spans } = learnedSpans(template, chat, lossOn);
  const ids = tokenizer.encodeBare(text);
  const learned = new Uint8Array(ids.length);
  for (const [from, to] of spans) {
    learned.fill(1, tokenAt(tokenizer, ids, text, from).first, tokenAt(tokenizer, ids, text, to).end);
  }
  return cutText(ids, learned, maxLength);
}

/** The text of a conversation, and the parts of it that are learned, in UTF-16 units. */
function learnedSpans(template: ChatTemplate, { messages, completionFrom, tools }: Chat, lossOn: LossOn) {
  if (lossOn !== "all" && completionFrom === undefined && template.marksAssistant) {
    const { text, assistant } = template.renderMarked(messages, { tools });
    return { text, spans: assistant };
  }
  const text = template.render(messages, { tools });
  if (lossOn === "all") return { text, spans: [[0, text.length] as const] };
  const endOf = (count: number, addGenerationPrompt: boolean): number => {
    const start =
      count === 0 && !addGenerationPrompt
        ? ""
        : template.render(messages.slice(0, count), { tools, addGenerationPrompt });
    if (text.startsWith(start)) return start.length;
    throw new InputError(
      "the template writes a conversation's beginning otherwise once it goes on, so that it does not show what the assistant writes: mark that by {% generation %} in the template, or set `lossOn` to all",
    );
  };
  if (lossOn === "completion" && completionFrom !== undefined) {
    return { text, spans: [[endOf(completionFrom, true), text.length] as const] };
  }
  const spans = messages.flatMap(({ role }, index) => {
    if (role !== "assistant") return [];
    const to = index + 1 === messages.length ? text.length : endOf(index + 1, false);
    return [[endOf(index, true), to] as const];
  });
  return { text, spans };
}

/** The token that a place in the text is in: where it begins, and where the tokens before the place end. */
function tokenAt(tokenizer: TextTokenizer, ids: readonly number[], text: string, place: number) {
  if (place === text.length) return { first: ids.length, end: ids.length };
  const before = tokenizer.encodeBare(text.slice(0, place));
  const first = commonLength(before, ids);
  return { first, end: first === before.length ? first : first + 1 };
}

function commonLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  for (let place = 0; place < most; place++) if (a[place] !== b[place]) return place;
  return most;
}

function cutText(ids: readonly number[], learned: Uint8Array, maxLength: number): LearnedText {
  const kept = ids.slice(0, maxLength);
  return {
    ids: Int32Array.from(kept),
    typeIds: new Int32Array(kept.length),
    specialMask: new Uint8Array(kept.length),
    learned: learned.slice(0, maxLength),
    wasTruncated: ids.length > maxLength,
  };
}

/** How many tokens of a text are learned; its first one is predicted by none before it. */
export function countLearned({ ids, learned }: LearnedText): number {
  if (learned === undefined) return Math.max(0, ids.length - 1);
  return learned.subarray(1).reduce((sum, one) => sum + one, 0);
}

/** Several texts as one row of tokens that keeps them apart. */
export function mergeTexts(texts: readonly LearnedText[]): LearnedText {
  let length = 0;
  const starts = texts.map(({ ids }) => {
    length += ids.length;
    return length - ids.length;
  });
  const joined = (partOf: (text: LearnedText) => ArrayLike<number>) =>
    texts.flatMap((text) => Array.from(partOf(text)));
  return {
    ids: Int32Array.from(joined(({ ids }) => ids)),
    typeIds: Int32Array.from(joined(({ typeIds }) => typeIds)),
    specialMask: Uint8Array.from(joined(({ specialMask }) => specialMask)),
    learned: Uint8Array.from(joined(({ ids, learned }) => learned ?? new Uint8Array(ids.length).fill(1))),
    starts,
    wasTruncated: texts.some(({ wasTruncated }) => wasTruncated),
  };
}
