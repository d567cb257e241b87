import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemErrorCode } from "./system-error.js";

/**
 * Makes a folder and the parents that it lacks; gives those that were made, the innermost first. (Node's own recursive mkdir
 * never ends where the system will not make a folder in one that exists, as in /proc.)
 */
export async function makeFolder(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      await stat(folder);
      break;
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT" || dirname(folder) === folder) throw error;
      missing.push(folder);
    }
  }
  for (const folder of missing.toReversed()) {
    try {
      await mkdir(folder);
    } catch (error) {
      // Another run may make the same parents at this moment.
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
  }
  return missing;
}
