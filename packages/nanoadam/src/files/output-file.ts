import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { InputError } from "../errors.js";
import { type Inputs, inputAt } from "./input-places.js";
import { describeSystemError, systemErrorCode } from "./system-error.js";

export interface OutputFileOptions {
  /** Replace a file that is there. */
  readonly overwrite: boolean;
  /** What the result is made from: none of it is replaced. */
  readonly inputs: Inputs;
}

/**
 * Checks, before the work begins, that a file may be written.
 * @throws InputError where it is a folder, one of the inputs, or there without `overwrite`, and where its folder is missing.
 */
export async function requireWritable(path: string, { overwrite, inputs }: OutputFileOptions): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new InputError(`The output file ${path} cannot be written: ${describeSystemError(error)}.`);
  });
  if (found === undefined) {
    const folder = dirname(resolve(path));
    const parent = await stat(folder).catch(() => undefined);
    if (parent?.isDirectory() !== true) throw new InputError(`The folder of the output file ${path} does not exist.`);
    return;
  }
  if (found.isDirectory()) throw new InputError(`The output file ${path} is a folder, expected a file.`);
  if (!found.isFile()) throw new InputError(`The output file ${path} is a device or a pipe, expected a file.`);
  const input = await inputAt(await realpath(path), inputs);
  if (input !== undefined) {
    const isItself = (await realpath(input.path)) === (await realpath(path));
    const what = isItself ? "itself" : `or a file of it (${input.path})`;
    throw new InputError(`The output file ${path} is \`${input.name}\` ${what}; name another.`);
  }
  if (!overwrite) {
    throw new InputError(`The output file ${path} exists; pass \`overwrite\` to replace it, or name another.`);
  }
}
