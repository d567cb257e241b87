/** The small encoder that comes with the package. */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** What it is called where a model's folder is asked for. */
export const embeddedModelName = "demo";

const embeddedFolder = fileURLToPath(new URL("../../assets/demo/encoder", import.meta.url));

/** The folder that a model is in: as it is named, or the package's for `demo` where there is no folder of that name. */
export async function locateModel(name: string): Promise<string> {
  if (name !== embeddedModelName) return name;
  const own = await stat(name).catch(() => undefined);
  return own?.isDirectory() === true ? name : embeddedFolder;
}
