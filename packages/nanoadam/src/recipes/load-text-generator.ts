import { Arena, sizeOf } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { loadPretrained, type WeightStorage } from "../checkpoint/pretrained.js";
import type { CheckpointEntry } from "../checkpoint/weight-files.js";
import { encoderForModel } from "../data/text/encoder.js";
import { loadTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { memoryLimit } from "../files/memory-limit.js";
import { defineBackbone } from "../models/architectures.js";
import { type GenerateOptions, generationSchema, type TextGeneratorOptions } from "../options/generation-options.js";
import { parseOptions } from "../options/parse-options.js";
import { Decoding } from "../program/decoding.js";
import { ProgramCache } from "../program/program-cache.js";
import type { NoticeListener } from "../train/observer.js";
import type { AnswerContext, GenerateControl } from "./answer-context.js";
import { type Conversation, openConversation } from "./conversation.js";
import { readGenerationDefaults, samplingOf } from "./generation-config.js";
import { requireHead } from "./open-model.js";
import { openRuntime } from "./open-runtime.js";
import { type TextPiece, textPieces } from "./text-pieces.js";

/** A decoder, ready to write. Answers may be under way side by side: each has a cache of its own. */
export interface TextGenerator extends AsyncDisposable {
  readonly folder: string;
  /**
   * What follows a prompt, piece by piece as it is generated. Who leaves the loop ends the answer.
   * @throws InputError, with the first piece, for options that do not fit, or a prompt that is too long
   */
  generate(prompt: string, options?: GenerateOptions, control?: GenerateControl): AsyncGenerator<TextPiece, void>;
  /** The tokens of a prompt, with those that the model expects around a text. */
  encode(prompt: string): number[];
  /**
   * A conversation, written as the checkpoint's chat template has it.
   * @param system what the model is told before
   * @throws InputError where there is no template
   */
  converse(system?: string): Conversation;
  /** Frees what the engine holds, after the step under way; answers that have more to say fail. */
  close(): Promise<void>;
}

const head = { kind: "language-model", predicts: "next" } as const;

/**
 * Opens the folder of a decoder, or of an adapter on one, to generate text.
 * @throws InputError for a folder that is not whole, or of a model that does not predict the next token
 */
export async function loadTextGenerator(
  folder: string,
  options: TextGeneratorOptions = {},
  listener: NoticeListener = {},
): Promise<TextGenerator> {
  const checkpoint = await openModelFolder(folder, undefined, listener.onNotice);
  try {
    const { config } = checkpoint;
    const { input, predicts } = defineBackbone(config);
    requireWriter(folder, config.architectures, predicts);
    const tokenizer = await loadTokenizer(checkpoint.tokenizerFolder);
    encoderForModel(tokenizer, input, { asked: undefined, folder });
    const defaults = await readGenerationDefaults(checkpoint, tokenizer);
    const pretrained = await loadPretrained(checkpoint, head, 0, {
      hold: options.weights ?? fastestStorage(checkpoint.entries.values()),
    });
    requireHead(folder, "causal-lm", pretrained);
    const { model, weights } = pretrained;
    const programs = new ProgramCache({
      model,
      weights,
      runtime: await openRuntime(options, listener),
      arena: new Arena(),
    });
    const context: AnswerContext = {
      folder,
      tokenizer,
      maximumLength: input.maximumLength,
      endIds: defaults.endIds,
      newDecoding: () => new Decoding(programs, 1),
      async *answer(decoding, prompt, asked, { signal, endIds = defaults.endIds }) {
        const settings = parseOptions(generationSchema, asked);
        const room = input.maximumLength - prompt.length;
        if (room < 1) {
          throw new InputError(
            `the prompt has ${prompt.length} tokens, expected fewer than the ${input.maximumLength} positions of ${folder}`,
          );
        }
        await decoding.continueTo(0, prompt);
        yield* textPieces(
          decoding,
          tokenizer,
          {
            ...settings,
            ...samplingOf(settings, defaults),
            endIds,
            maxNewTokens: Math.min(settings.maxNewTokens, room),
          },
          signal,
        );
      },
    };
    const close = () => programs.release();
    const encode = (prompt: string) => Array.from(tokenizer.encode(prompt, undefined, Number.MAX_SAFE_INTEGER).ids);
    return {
      folder,
      encode,
      async *generate(prompt, asked = {}, control = {}) {
        const ids = encode(prompt);
        if (ids.length === 0) throw new InputError("`prompt` is empty, and the tokenizer puts no token before texts");
        yield* context.answer(context.newDecoding(), ids, asked, control);
      },
      converse: (system) => openConversation(context, system),
      close,
      [Symbol.asyncDispose]: close,
    };
  } finally {
    await checkpoint.close();
  }
}

/** Weights in float32 need not be widened for each token; they may take half of the memory. */
function fastestStorage(entries: Iterable<CheckpointEntry>): WeightStorage {
  let bytes = 0;
  for (const { shape } of entries) bytes += 4 * sizeOf(shape);
  return bytes <= memoryLimit() / 2 ? "float32" : "keep";
}

/** @throws InputError for a model that writes no text */
function requireWriter(folder: string, architectures: unknown, predicts: string | undefined): void {
  const architecture = String(Array.isArray(architectures) ? architectures[0] : "");
  if (predicts !== "next") {
    throw new InputError(`${folder} has an encoder (${architecture || "by its model_type"}), which generates no text`);
  }
  if (/For(Sequence|Token)Classification$/.test(architecture)) {
    throw new InputError(`${folder} is a ${architecture}, which generates no text; nanoadam predict gives its answers`);
  }
}
