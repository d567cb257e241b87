import { type GenerateInput, generateSchema } from "../options/generation-options.js";
import { parseOptions } from "../options/parse-options.js";
import type { NoticeListener } from "../train/observer.js";
import type { GenerateControl } from "./answer-context.js";
import { loadTextGenerator } from "./load-text-generator.js";
import type { TextPiece } from "./text-pieces.js";

/**
 * What follows a prompt, piece by piece: opens the model for this one answer, and releases it when that has ended or is left.
 * @throws InputError, with the first piece, for anything wrong with options or model
 * @throws AbortError once the signal is aborted
 */
export async function* generate(
  input: GenerateInput,
  control: GenerateControl & NoticeListener = {},
): AsyncGenerator<TextPiece, void> {
  const { model, prompt, weights, threads, engine, ...options } = parseOptions(generateSchema, input);
  const generator = await loadTextGenerator(model, { weights, threads, engine }, control);
  try {
    yield* generator.generate(prompt, options, control);
  } finally {
    await generator.close();
  }
}
