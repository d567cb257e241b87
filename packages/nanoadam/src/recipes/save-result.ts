/** Saving what took long to make: a disk that fails does not take it along. */
import { copyFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { describeSystemError } from "../files/system-error.js";

/**
 * Writes a result with `save` and puts it in its place. Where the writing fails it is tried again, and then in the folder
 * of temporary files; where that fails too, whatever has the whole weights is kept.
 * @param weights the file that has what is worth keeping
 * @param others files of the folder that were written before
 * @throws InputError that says what failed, and where the result is.
 */
export async function saveResult(
  output: OutputFolder,
  save: (folder: OutputFolder) => Promise<void>,
  { weights, others }: { readonly weights: string; readonly others: readonly string[] },
): Promise<void> {
  const failure = await failureOf(() => save(output));
  if (failure === undefined || (await failureOf(() => save(output))) === undefined) {
    await output.commit();
    return;
  }
  const place = await savedElsewhere(output, save, others);
  if (place !== undefined) throw keptError(output, failure, `The trained model is whole in ${place}`);
  if (await isThere(output.path(weights))) {
    throw keptError(output, failure, `The trained weights are in ${join(await output.keep(), weights)}`);
  }
  throw new InputError(
    `The output folder ${output.target} could not be written: ${failure}. Neither could ${tmpdir()}, so the trained weights are lost.`,
  );
}

async function savedElsewhere(
  output: OutputFolder,
  save: (folder: OutputFolder) => Promise<void>,
  others: readonly string[],
): Promise<string | undefined> {
  const name = `nanoadam-result-${Date.now().toString(36)}-${process.pid}`;
  let folder: OutputFolder | undefined;
  try {
    folder = await OutputFolder.create(join(tmpdir(), name), { overwrite: false });
    await save(folder);
    for (const file of others) await copyFile(output.path(file), folder.path(file)).catch(() => undefined);
    await folder.commit();
    return folder.target;
  } catch {
    return undefined;
  } finally {
    await folder?.discard().catch(() => undefined);
  }
}

function keptError({ target }: OutputFolder, failure: string, where: string): InputError {
  return new InputError(
    `The output folder ${target} could not be written: ${failure}. ${where}; move it where it should be.`,
  );
}

/** What went wrong, in words; undefined where nothing did. */
async function failureOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    // A message of one of our own writers names a path of the staging folder, which means nothing to anyone.
    return describeSystemError(error)
      .replace(/^.* could not be written: /, "")
      .replace(/\.$/, "");
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
