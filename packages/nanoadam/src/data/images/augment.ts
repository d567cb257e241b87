/** Chance in training images: which part of an image is seen, and whether from behind. */
import { uniform } from "@nanoadam/engine";
import { randomSites, type StepKey } from "../../random-streams.js";
import { channels, cropped, type RawImage, type Region } from "./raw-image.js";

/** What chance may do: nothing; turn images about; or cut out a part too, as wide and high as the network takes in. */
export const augmentations = ["none", "flip", "crop"] as const;
export type Augmentation = (typeof augmentations)[number];

/** Draws of one image in an epoch. */
const drawsOfImage = 64;
/** A part of an image has so much of its area, and so much of its height as width. */
const [leastArea, mostRatio] = [0.08, 4 / 3];
/** After so many parts that do not fit, the middle is taken. */
const mostTries = 10;

/** Draws for an image, by the run's seed, the epoch and its place among all: the same whatever batch it is in. */
export function drawsFor({ seed, step }: StepKey, index: number): () => number {
  let draw = index * drawsOfImage;
  return () => uniform({ seed, step, site: randomSites.augmentation }, draw++);
}

/** A part of random size, proportions and place, as torchvision's `RandomResizedCrop` takes it. */
export function randomPart(image: RawImage, draw: () => number): RawImage {
  return cropped(image, randomRegion(image, draw));
}

function randomRegion({ width, height }: RawImage, draw: () => number): Region {
  for (let attempt = 0; attempt < mostTries; attempt++) {
    const area = width * height * (leastArea + (1 - leastArea) * draw());
    const ratio = mostRatio ** (2 * draw() - 1);
    const [wide, high] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))];
    const [left, top] = [draw(), draw()];
    if (wide < 1 || high < 1 || wide > width || high > height) continue;
    return {
      left: Math.floor(left * (width - wide + 1)),
      top: Math.floor(top * (height - high + 1)),
      width: wide,
      height: high,
    };
  }
  const wide = Math.max(1, Math.min(width, Math.round(height * mostRatio)));
  const high = Math.max(1, Math.min(height, Math.round(width * mostRatio)));
  return { left: Math.floor((width - wide) / 2), top: Math.floor((height - high) / 2), width: wide, height: high };
}

/** The image with left and right exchanged. */
export function flipped({ width, height, pixels }: RawImage): RawImage {
  const turned = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * channels, (y * width + width - 1 - x) * channels];
      for (let channel = 0; channel < channels; channel++) turned[to + channel] = pixels[from + channel] as number;
    }
  }
  return { width, height, pixels: turned };
}
