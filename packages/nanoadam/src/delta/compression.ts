import { promisify } from "node:util";
import { brotliCompress, brotliDecompress, constants } from "node:zlib";
import { InputError } from "../errors.js";

/** Beyond it, time grows several times for a hundredth of the bytes. */
const quality = 6;

/** Brotli, with a window of 16 MiB. */
export async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

/**
 * Bytes of their own, so that they can be taken as wider numbers.
 * @param what messages call the bytes
 * @throws InputError where they are damaged, or more than told
 */
export async function decompress(bytes: Uint8Array, longest: number, what: string): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await promisify(brotliDecompress)(bytes, {
      maxOutputLength: Math.max(1, longest),
    });
    return byteOffset % 8 === 0
      ? new Uint8Array(buffer, byteOffset, byteLength)
      : new Uint8Array(buffer, byteOffset, byteLength).slice();
  } catch {
    throw new InputError(`${what} is damaged: its compressed bytes cannot be read`);
  }
}
