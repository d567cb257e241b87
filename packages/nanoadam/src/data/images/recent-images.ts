import type { RawImage } from "./raw-image.js";

/** Bytes of pixels that are kept, at most. */
const mostKept = 256 * 2 ** 20;

/** Reads images by number, and keeps the last ones that were asked for, so that of small data no image is read twice. */
export function keepingRecent(read: (index: number) => Promise<RawImage>): (index: number) => Promise<RawImage> {
  const kept = new Map<number, RawImage>();
  let bytes = 0;
  return async (index) => {
    const known = kept.get(index);
    if (known !== undefined) {
      kept.delete(index);
      kept.set(index, known);
      return known;
    }
    const image = await read(index);
    if (!kept.has(index)) bytes += image.pixels.length;
    kept.set(index, image);
    for (const [oldest, { pixels }] of kept) {
      if (bytes <= mostKept) break;
      kept.delete(oldest);
      bytes -= pixels.length;
    }
    return image;
  };
}
