/** The files beside a model's weights that say how it takes in examples: a tokenizer's, or an image processor's. */
import type { ImageProcessor } from "../data/images/image-processor.js";
import { loadImageProcessor } from "../data/images/load-processor.js";
import { encoderForModel, type TextEncoder } from "../data/text/encoder.js";
import { loadTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import type { ModelInput } from "../models/model.js";

export interface TextFiles {
  readonly kind: "text";
  readonly text: TextEncoder;
  /** The files' paths. */
  readonly paths: readonly string[];
  /** Tokens of a text at most. */
  readonly maximumSize: number;
}

export interface ImageFiles {
  readonly kind: "image";
  readonly images: ImageProcessor;
  readonly paths: readonly string[];
  /** Pixels of an image. */
  readonly maximumSize: number;
}

export type ModelFiles = TextFiles | ImageFiles;

export interface ModelFilesOptions {
  /** Tokens of a text at most, where that was asked for. */
  readonly asked: number | undefined;
  /** What messages call the model. */
  readonly folder: string;
  /** Tokens of a text where that was not; by default as many as the model has positions for. */
  readonly usual?: number;
}

/** The files of a tokenizer. */
export function textFiles(text: TextEncoder): TextFiles {
  return { kind: "text", text, paths: text.tokenizer.files, maximumSize: text.maxLength };
}

/**
 * Loads what a model's input needs of a folder.
 * @throws InputError for files that are missing or do not fit the model, or an option that it has no use for
 */
export async function loadModelFiles(
  input: ModelInput,
  folder: string,
  options: ModelFilesOptions,
): Promise<ModelFiles> {
  if (input.kind === "text") {
    return textFiles(encoderForModel(await loadTokenizer(folder), input, options));
  }
  if (options.asked !== undefined) {
    throw new InputError(`\`maxLength\` is for texts, but ${options.folder} takes in images`);
  }
  const { images, path } = await loadImageProcessor(folder, input.channels);
  return { kind: "image", images, paths: [path], maximumSize: images.height * images.width };
}
