/** Where a model is that a person names. */
import { isWholeFolder } from "../files/recover.js";
import { modelReference } from "../hub/reference.js";
import { hubSettings } from "../hub/settings.js";
import { fetchModel, type Tell } from "../hub/snapshot.js";
import { embeddedFolder, embeddedModelName } from "./embedded-model.js";

/**
 * The folder that a model is in: a folder of that name; for `demo` the package's; for `org/name` or `org/name@revision` that of the
 * Hugging Face cache, to which it is fetched. What lies beside an existing folder is no name of the Hub.
 */
export async function locateModel(name: string, tell?: Tell): Promise<string> {
  if (await isWholeFolder(name, tell)) return name;
  if (name === embeddedModelName) return embeddedFolder;
  const model = modelReference(name);
  if (model === undefined || (await isWholeFolder(model.name.split("/")[0] ?? ""))) return name;
  return fetchModel(model, await hubSettings(), tell);
}
