/** Images of data, each read when it is needed. */
import { readFile } from "node:fs/promises";
import { InputError } from "../../errors.js";
import { describeSystemError } from "../../files/system-error.js";
import { decodeImage } from "./decode.js";
import type { RawImage } from "./raw-image.js";

/** One image of some data. */
export interface ImageEntry {
  /** Where it is: its file, or its place in one. */
  readonly text: string;
  /** The line or number that it has among others; 0 where it is a file of its own. */
  readonly line: number;
  /** What it is labelled with. */
  readonly label?: string;
  /** @throws InputError for an image that cannot be read */
  read(): Promise<RawImage>;
}

/** An image in a file of its own. */
export function imageFile(path: string, about: Partial<Pick<ImageEntry, "line" | "label">> = {}): ImageEntry {
  return {
    text: path,
    line: 0,
    ...about,
    async read() {
      let bytes: Uint8Array;
      try {
        bytes = await readFile(path);
      } catch (error) {
        throw new InputError(`the image ${path} could not be read: ${describeSystemError(error)}`);
      }
      return decodeImage(bytes, path);
    },
  };
}
