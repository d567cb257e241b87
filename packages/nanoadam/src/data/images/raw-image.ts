/** An image as numbers from 0 to 255: red, green and blue of each pixel, row by row. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3]. */
  readonly pixels: Uint8Array;
}

/** A rectangle of an image, in pixels. */
export interface Region {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Red, green and blue. */
export const channels = 3;

/** The part of an image in a region; what lies outside the image is 0. */
export function cropped({ width, height, pixels }: RawImage, region: Region): RawImage {
  const { top, left } = region;
  if (top === 0 && left === 0 && region.height === height && region.width === width) return { width, height, pixels };
  const target = new Uint8Array(region.height * region.width * channels);
  const [from, to] = [Math.max(0, left), Math.min(width, left + region.width)];
  for (let y = Math.max(0, top); y < Math.min(height, top + region.height); y++) {
    if (to <= from) break;
    const row = pixels.subarray((y * width + from) * channels, (y * width + to) * channels);
    target.set(row, ((y - top) * region.width + from - left) * channels);
  }
  return { width: region.width, height: region.height, pixels: target };
}
