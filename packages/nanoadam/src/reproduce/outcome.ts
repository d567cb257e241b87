import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";

/**
 * What a command has written to a file of its folder; its own program wrote it a moment ago, so its form is not looked at.
 * @throws InputError where there is none
 */
export async function outcomeIn<Outcome>(folder: string | undefined, file: string): Promise<Outcome> {
  const outcome = await readJsonObject(`${folder}/${file}`);
  if (outcome === undefined) throw new InputError(`there is no ${folder}/${file}`);
  return outcome as Outcome;
}
