import { join } from "node:path";
import { InputError } from "../../errors.js";
import { readJsonObject } from "../../files/read-json.js";
import { type ImageProcessor, imageProcessor } from "./image-processor.js";
import { channels } from "./raw-image.js";

/**
 * The image processor of a model folder, and the file that describes it.
 * @param expected the channels that the model takes in
 * @throws InputError where the file is missing or cannot be used, or images have other channels
 */
export async function loadImageProcessor(
  folder: string,
  expected: number,
): Promise<{ readonly images: ImageProcessor; readonly path: string }> {
  const path = join(folder, "preprocessor_config.json");
  const config = await readJsonObject(path);
  if (config === undefined) {
    throw new InputError(
      `${folder} has no preprocessor_config.json, which says how images are brought to the model's size and numbers`,
    );
  }
  if (expected !== channels) {
    throw new InputError(
      `${folder}: config.json: num_channels is ${expected}, expected ${channels}: images are read as red, green and blue`,
    );
  }
  return { images: imageProcessor(config, path), path };
}
