/** The small encoder that comes with the package. */
import { fileURLToPath } from "node:url";

/** What it is called where a model's folder is asked for. */
export const embeddedModelName = "demo";

export const embeddedFolder = fileURLToPath(new URL("../../assets/demo/encoder", import.meta.url));
