/** Where a model is that a person names. */
import { stat } from "node:fs/promises";
import { modelReference } from "../hub/reference.js";
import { hubSettings } from "../hub/settings.js";
import { fetchModel, type Tell } from "../hub/snapshot.js";
import { embeddedFolder, embeddedModelName } from "./embedded-model.js";

/**
 * The folder that a model is in: a folder of that name; for `demo` the package's; for `org/name` or `org/name@revision` that of the
 * Hugging Face cache, to which it is fetched. What lies beside an existing folder is no name of the Hub.
 */
export async function locateModel(name: string, tell?: Tell): Promise<string> {
  if (await isFolder(name)) return name;
  if (name === embeddedModelName) return embeddedFolder;
  const model = modelReference(name);
  if (model === undefined || (await isFolder(model.name.split("/")[0] ?? ""))) return name;
  return fetchModel(model, await hubSettings(), tell);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
