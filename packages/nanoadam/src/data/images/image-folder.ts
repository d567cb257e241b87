/** Folders of images. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { describeSystemError } from "../../files/system-error.js";
import { imageNames } from "./decode.js";
import { type ImageEntry, imageFile } from "./image-entry.js";

/**
 * The images below a folder. An image's label is the folder directly below `folder` that it is in; classes take turns, each in the
 * order of its names, so that the first few are of all. What is no image by its name, or hidden, is left out.
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
  return inTurns(entries);
}

/** The first of each class, then the second of each, and so on. */
function inTurns(entries: readonly ImageEntry[]): ImageEntry[] {
  const seen = new Map<string | undefined, number>();
  const places = entries.map(({ label }) => {
    const place = seen.get(label) ?? 0;
    seen.set(label, place + 1);
    return place;
  });
  return entries
    .map((entry, index) => ({ entry, place: places[index] ?? 0 }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ entry }) => entry);
}

async function listed(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new InputError(`the folder ${folder} could not be read: ${describeSystemError(error)}`);
  }
}
