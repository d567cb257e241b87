import type { AxisPair, Windows } from "../graph/windows.js";

/**
 * How images are laid out so that what windows see at one of their places is a stretch of memory. A plane has every stride-th pixel of
 * a channel, padding included, image after image; its rows are so much longer than those of windows that a place of the window that
 * is further down or to the right is the same plane, read from further behind.
 */
export interface Planes {
  /** The size of an image in a plane. */
  readonly plane: AxisPair;
  /** The planes of a channel: the first pixel of each, as it lies in the padded image. */
  readonly phases: readonly AxisPair[];
  /** For each place of the window, row by row: which plane, and how many pixels further behind it is read. */
  readonly shifts: readonly { readonly phase: number; readonly tokens: number }[];
  /** The longest of the shifts. */
  readonly reach: number;
}

export function planesOf({ kernel, stride, dilation, output }: Windows): Planes {
  const furthest = (axis: 0 | 1) => Math.floor(((kernel[axis] - 1) * dilation[axis]) / stride[axis]);
  const plane: AxisPair = [output[0] + furthest(0), output[1] + furthest(1)];
  const phases: AxisPair[] = [];
  const shifts = Array.from({ length: kernel[0] * kernel[1] }, (_, place) => {
    const y = Math.floor(place / kernel[1]) * dilation[0];
    const x = (place % kernel[1]) * dilation[1];
    const first: AxisPair = [y % stride[0], x % stride[1]];
    const known = phases.findIndex(([firstY, firstX]) => firstY === first[0] && firstX === first[1]);
    if (known === -1) phases.push(first);
    const tokens = Math.floor(y / stride[0]) * plane[1] + Math.floor(x / stride[1]);
    return { phase: known === -1 ? phases.length - 1 : known, tokens };
  });
  return { plane, phases, shifts, reach: furthest(0) * plane[1] + furthest(1) };
}
