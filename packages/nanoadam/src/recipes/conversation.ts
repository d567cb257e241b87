/** A conversation with a decoder: each answer goes on from what was said, of which the model keeps what it has read. */
import type { ChatMessage, ChatTemplate } from "../data/text/chat-template.js";
import { InputError } from "../errors.js";
import type { GenerateOptions } from "../options/generation-options.js";
import type { AnswerContext, GenerateControl } from "./answer-context.js";
import type { TextPiece } from "./text-pieces.js";

export interface Conversation {
  /** What was said so far, answers included. */
  readonly messages: readonly ChatMessage[];
  /**
   * The answer to what a user says, piece by piece. Once it is begun both belong to the conversation, the answer as far as it
   * came.
   * @throws InputError where the template refuses the conversation, or it has become too long
   */
  say(text: string, options?: GenerateOptions, control?: GenerateControl): AsyncGenerator<TextPiece, void>;
  /** Begins anew, with what the model was told before the conversation. */
  clear(): void;
}

/** @throws InputError where there is none, with what the model can do all the same */
function templateOf(tokenizer: AnswerContext["tokenizer"]): ChatTemplate {
  try {
    return tokenizer.chatTemplate();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${error.message}; nanoadam generate goes on with any text`);
  }
}

/** @throws InputError where there is no chat template */
export function openConversation(
  { tokenizer, endIds, newDecoding, answer }: AnswerContext,
  system?: string,
): Conversation {
  const template = templateOf(tokenizer);
  // What a fine-tuned answer ends with, whatever the base model's files say.
  const ends = new Set([...endIds, ...(tokenizer.endId === undefined ? [] : [tokenizer.endId])]);
  const beginning = (): ChatMessage[] => (system === undefined ? [] : [{ role: "system", content: system }]);
  const decoding = newDecoding();
  let messages = beginning();
  return {
    get messages() {
      return messages;
    },
    async *say(text, options = {}, control = {}) {
      const asked: ChatMessage[] = [...messages, { role: "user", content: text }];
      const prompt = tokenizer.encodeBare(template.render(asked, { addGenerationPrompt: true }));
      let said = "";
      try {
        for await (const piece of answer(decoding, prompt, options, { ...control, endIds: ends })) {
          said += piece.text;
          messages = [...asked, { role: "assistant", content: said.trim() }];
          yield piece;
        }
      } finally {
        // Beams leave a row for each; the next turn reads the conversation again.
        if (decoding.rows > 1) decoding.choose([0]);
      }
    },
    clear() {
      messages = beginning();
    },
  };
}
