/** Folders of images. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { describeSystemError } from "../../files/system-error.js";
import { imageNames } from "./decode.js";
import { type ImageEntry, imageFile } from "./image-entry.js";

/**
 * The images below a folder, in the order of their names. An image's label is the folder directly below `folder` that it is in.
 * What is no image by its name, or hidden, is left out.
 * @throws InputError for a folder that cannot be read, or has no image
 */
export async function imagesInFolder(folder: string): Promise<ImageEntry[]> {
  const entries: ImageEntry[] = [];
  const visit = async (path: string, label: string | undefined): Promise<void> => {
    for (const found of (await listed(path)).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.name.startsWith(".")) continue;
      const own = join(path, found.name);
      if (found.isDirectory()) await visit(own, label ?? found.name);
      else if (imageNames.test(found.name)) entries.push(imageFile(own, label === undefined ? {} : { label }));
    }
  };
  await visit(folder, undefined);
  if (entries.length === 0) throw new InputError(`${folder} has no images, expected a folder of them for each class`);
  return entries;
}

async function listed(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new InputError(`the folder ${folder} could not be read: ${describeSystemError(error)}`);
  }
}
