/** Folders as models of Transformers.js. */
import { basename, dirname } from "node:path";
import { env } from "@huggingface/transformers";

/**
 * The name by which Transformers.js loads a folder, and nothing from elsewhere. It has the parent's name in it, since the library keeps
 * by names what it has found out of models.
 */
export function localName(folder: string): string {
  env.allowRemoteModels = false;
  const parent = dirname(folder);
  env.localModelPath = dirname(parent);
  return `${basename(parent)}/${basename(folder)}`;
}
