/** The binary files of CIFAR-10 and CIFAR-100: bytes of label, then 32 x 32 pixels, all red before all green before all blue. */
import { open, stat } from "node:fs/promises";
import { InputError } from "../../errors.js";
import { describeSystemError } from "../../files/system-error.js";
import type { ImageEntry } from "./image-entry.js";
import { channels, type RawImage } from "./raw-image.js";

const side = 32;
const area = side * side;
const pixelBytes = channels * area;

/**
 * The images of a file, whose labels are ids. Of CIFAR-100's two labels, the coarse and the fine one, it is the fine one.
 * @throws InputError for a file of another size than a number of such images
 */
export async function imagesInCifarFile(path: string): Promise<ImageEntry[]> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    throw new InputError(`the data file ${path} could not be read: ${describeSystemError(error)}`);
  }
  const labelBytes = [1, 2].find((bytes) => size > 0 && size % (bytes + pixelBytes) === 0);
  if (labelBytes === undefined) {
    throw new InputError(
      `${path} has ${size} bytes, expected a multiple of ${1 + pixelBytes} (CIFAR-10) or ${2 + pixelBytes} (CIFAR-100)`,
    );
  }
  const record = labelBytes + pixelBytes;
  return Array.from(
    await labelsOf(path, size, record, labelBytes),
    (label, index): ImageEntry => ({
      text: `${path}, image ${index + 1}`,
      line: index + 1,
      label: String(label),
      read: async () => imageOf(await bytesAt(path, index * record + labelBytes, pixelBytes)),
    }),
  );
}

/** Records that are read at a time. */
const atOnce = 1024;

async function labelsOf(path: string, size: number, record: number, labelBytes: number): Promise<Uint8Array> {
  const labels = new Uint8Array(size / record);
  for (let first = 0; first < labels.length; first += atOnce) {
    const count = Math.min(atOnce, labels.length - first);
    const bytes = await bytesAt(path, first * record, count * record);
    for (let i = 0; i < count; i++) labels[first + i] = bytes[i * record + labelBytes - 1] ?? 0;
  }
  return labels;
}

async function bytesAt(path: string, position: number, length: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, position);
      if (bytesRead < length) throw new InputError(`${path} ends at byte ${position + bytesRead}, within an image`);
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`the data file ${path} could not be read: ${describeSystemError(error)}`);
  }
}

/** Colours pixel by pixel. */
function imageOf(planes: Uint8Array): RawImage {
  const pixels = new Uint8Array(pixelBytes);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < area; pixel++) {
      pixels[pixel * channels + channel] = planes[channel * area + pixel] as number;
    }
  }
  return { width: side, height: side, pixels };
}
