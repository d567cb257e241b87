/** Images of another size, by the filters that Pillow has and under its numbers, with its smoothing where an image gets smaller. */
import { channels, type RawImage } from "./raw-image.js";

interface Filter {
  /** How far a pixel reaches, in pixels of the larger of the two images. */
  readonly support: number;
  weight(distance: number): number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Pillow's bicubic kernel, which is softer than PyTorch's. */
const cubic = -0.5;

/** By Pillow's number, as `resample` of preprocessor_config.json has it. */
const filters: Readonly<Record<number, Filter>> = {
  1: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, weight: (x) => cubicWeight(Math.abs(x)) },
  4: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, weight: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
};

function cubicWeight(x: number): number {
  if (x < 1) return ((cubic + 2) * x - (cubic + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * cubic : 0;
}

/** The number of the filter that takes the nearest pixel. */
const nearest = 0;

/** The filters' numbers. */
export const resamplings: readonly number[] = [nearest, ...Object.keys(filters).map(Number)];

/** The image in another size. As in Pillow, rows are resized first, and what comes of it is rounded to whole numbers. */
export function resized(image: RawImage, [height, width]: readonly [number, number], resampling: number): RawImage {
  if (image.height === height && image.width === width) return image;
  const across = spansOf(image.width, width, resampling);
  const down = spansOf(image.height, height, resampling);
  const rows =
    image.width === width
      ? image.pixels
      : along(image.pixels, across, { outer: image.height, inner: channels, size: image.width });
  const pixels =
    image.height === height ? rows : along(rows, down, { outer: 1, inner: width * channels, size: image.height });
  return { width, height, pixels };
}

/** Which pixels a pixel of the new image is made of, and how much each counts, as a whole number of parts of `unit`. */
interface Span {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Pillow's precision: it decides which way halves are rounded. */
const unitBits = 22;
const unit = 1 << unitBits;
const halfUnit = unit >> 1;

function spansOf(from: number, to: number, resampling: number): Span[] {
  const scale = from / to;
  const filter = filters[resampling];
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    if (filter === undefined) return { first: Math.min(from - 1, Math.floor(centre)), weights: [unit] };
    const stretch = Math.max(1, scale);
    const reach = filter.support * stretch;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Array.from({ length: end - first }, (_, tap) =>
      filter.weight((first + tap - centre + 0.5) / stretch),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => wholeNumber((weight / total) * unit)) };
  });
}

/** The nearest whole number; halves away from 0. */
function wholeNumber(value: number): number {
  return Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
}

interface Axis {
  /** What lies outside the axis, and what lies within one of its places. */
  readonly outer: number;
  readonly inner: number;
  readonly size: number;
}

/** [outer, size, inner] resized along the middle axis. */
function along(pixels: Uint8Array, spans: readonly Span[], { outer, inner, size }: Axis): Uint8Array {
  const result = new Uint8Array(outer * spans.length * inner);
  const sums = new Int32Array(inner);
  for (let block = 0; block < outer; block++) {
    for (const [place, { first, weights }] of spans.entries()) {
      sums.fill(halfUnit);
      for (let tap = 0; tap < weights.length; tap++) {
        const from = (block * size + first + tap) * inner;
        const weight = weights[tap] as number;
        for (let i = 0; i < inner; i++) sums[i] = (sums[i] as number) + weight * (pixels[from + i] as number);
      }
      const at = (block * spans.length + place) * inner;
      for (let i = 0; i < inner; i++) result[at + i] = Math.max(0, Math.min(255, (sums[i] as number) >> unitBits));
    }
  }
  return result;
}
