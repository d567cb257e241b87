/** Files of images to pixels, by sharp (libvips), which decodes in threads of its own. */
import type sharp from "sharp";
import { InputError } from "../../errors.js";
import type { RawImage } from "./raw-image.js";

type Sharp = typeof sharp;

/** @throws InputError where sharp is not installed: it is an optional dependency. */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new InputError(`images need the package sharp, which could not be loaded (${reason}); npm install sharp`);
  }
}

/** The names of files that are taken for images. */
export const imageNames = /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i;

/**
 * The pixels of an image as a photograph is seen: turned as its EXIF data say, in 8 bits, without transparency, and of an animation
 * the first picture. Colours are taken as they stand; those for print (CMYK) by their profile.
 * @param name what messages call the image
 * @throws InputError for bytes that are no image, or a damaged one
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RawImage> {
  const open = await loadSharp();
  try {
    const { space } = await open(bytes).metadata();
    const image = open(bytes, { failOn: "truncated", ignoreIcc: space !== "cmyk" });
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    return { width: info.width, height: info.height, pixels: data };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new InputError(`${name} could not be read as an image: ${reason}`);
  }
}
