/** Small pictures of images, for pages that need nothing else. */
import { InputError } from "../../errors.js";
import { loadSharp } from "./decode.js";
import { channels, type RawImage } from "./raw-image.js";

/** Pixels of the longer side, at most. */
const longest = 96;

/** The image, no larger than a thumbnail, as a data URI; undefined where sharp is not installed. */
export async function thumbnail({ width, height, pixels }: RawImage): Promise<string | undefined> {
  try {
    const open = await loadSharp();
    const jpeg = await open(pixels, { raw: { width, height, channels } })
      .resize(longest, longest, { fit: "inside", withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toBuffer();
    return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
