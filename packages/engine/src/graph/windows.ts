/** Windows over images [images, channels, height, width], as convolutions and pooling have them. */
import { formatShape, type Shape, ShapeError } from "./types.js";

/** Vertical, horizontal. */
export type AxisPair = readonly [vertical: number, horizontal: number];

/** One number for both directions, or a pair [vertical, horizontal]. */
export interface WindowOptions {
  /** From a window to the next; 1 unless given. */
  readonly stride?: number | AxisPair;
  /** What is added on either side of the image; 0 unless given. */
  readonly padding?: number | AxisPair;
}

/** Where windows lie: the pixel of window (y, x) at place (i, j) is [y * stride + i * dilation - padding, likewise]. */
export interface Windows {
  readonly kernel: AxisPair;
  readonly stride: AxisPair;
  readonly padding: AxisPair;
  /** From a window's place to the next. */
  readonly dilation: AxisPair;
  /** Of the image. */
  readonly size: AxisPair;
  /** How many windows there are. */
  readonly output: AxisPair;
}

/**
 * The windows of a kernel over images of this shape; what is left over at the end is not seen.
 * @throws ShapeError where it is no shape of images, a number is out of range, or the kernel is larger than the padded image.
 */
export function windowsOver(
  operation: string,
  shape: Shape,
  kernel: AxisPair,
  options: WindowOptions & { readonly dilation?: number | AxisPair },
): Windows {
  const [, , height = 0, width = 0] = shape;
  const fail = (what: string) => new ShapeError(`${operation}: ${what} (${formatShape(shape)})`);
  if (shape.length !== 4) throw fail("images need four axes");
  const size: AxisPair = [height, width];
  const [stride, padding] = [pairOf(options.stride ?? 1), pairOf(options.padding ?? 0)];
  const dilation = pairOf(options.dilation ?? 1);
  const areCounts = [...kernel, ...stride, ...dilation].every((value) => Number.isSafeInteger(value) && value >= 1);
  if (!areCounts || !padding.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw fail(`kernel ${kernel}, stride ${stride}, dilation ${dilation} and padding ${padding} do not make windows`);
  }
  const windowsAlong = (axis: 0 | 1) =>
    Math.floor((size[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1;
  const output: AxisPair = [windowsAlong(0), windowsAlong(1)];
  if (output.some((count) => count < 1)) throw fail(`the kernel ${kernel} is larger than the padded image`);
  return { kernel, stride, padding, dilation, size, output };
}

/** The attributes by which ONNX's operators know windows. */
export function windowAttributes({ kernel, stride, padding, dilation }: Windows) {
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
    dilations: { ints: dilation },
  };
}

/** What a stride leaves over at the end of an image, below the stride. */
export function restOf({ kernel, stride, padding, dilation, size, output }: Windows): AxisPair {
  const along = (axis: 0 | 1) =>
    size[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1 - (output[axis] - 1) * stride[axis];
  return [along(0), along(1)];
}

function pairOf(value: number | AxisPair): AxisPair {
  return typeof value === "number" ? [value, value] : value;
}
