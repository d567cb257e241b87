import { excerpt, InputError } from "../errors.js";
import { requireShallow } from "./json-value.js";
import { readWholeFile, unreadable } from "./read-file.js";
import { systemErrorCode } from "./system-error.js";

/**
 * Reads a JSON file that holds an object. Undefined where the file does not exist; InputError where it cannot be read,
 * is not JSON, holds something else or is nested beyond what any program writes.
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readWholeFile(path));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw unreadable(error, path);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path} is not valid JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InputError(`${path}: expected a JSON object, found ${excerpt(text.trim())}.`);
  }
  requireShallow(value, path);
  return value as Record<string, unknown>;
}
