/** The names under which checkpoints have a model's parameters. */
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";
import type { CheckpointEntry } from "./weight-files.js";

type Entries = ReadonlyMap<string, CheckpointEntry>;

/**
 * Finds the checkpoint's tensor for a parameter: by its name, or those that base-model checkpoints and old TensorFlow
 * conversions give it, or by any of these after the prefix that the backbone has in this file (`model.`, `module.`, ...).
 * @throws InputError where the backbone is there under several prefixes.
 */
export function parameterFinder(
  entries: Entries,
  { backbone }: Pick<Model, "backbone">,
): (parameter: string) => CheckpointEntry | undefined {
  const find = (names: readonly string[]) => {
    const found = names.find((name) => entries.has(name));
    return found === undefined ? undefined : entries.get(found);
  };
  const first = Object.values(backbone.stages[0]?.parameters ?? {})[0]?.name ?? "";
  const known = (parameter: string) => namesInCheckpoints(parameter, backbone.name);
  const prefix = find(known(first)) === undefined ? prefixOf(entries, known(first), backbone.name) : "";
  return (parameter) => find(known(parameter)) ?? find(known(parameter).map((name) => prefix + name));
}

/** Words for any model. A name without the backbone's counts only after these: `roberta.` is another network than BERT. */
const saysNothing = /^(((auto_|base_)?model|module|encoder|backbone|transformer|network|net|\d+)\.)+$/;

/** What stands before the only tensor that ends in one of the names; "" where there is none. */
function prefixOf(entries: Entries, names: readonly string[], backbone: string): string {
  const prefixes = new Map<string, string>();
  for (const tensor of entries.keys()) {
    const end = names.find((name) => tensor.endsWith(`.${name}`));
    if (end === undefined) continue;
    const prefix = tensor.slice(0, -end.length);
    if (end.startsWith(`${backbone}.`) || saysNothing.test(prefix)) prefixes.set(tensor, prefix);
  }
  const [one, other] = prefixes.keys();
  if (one === undefined) return "";
  if (other !== undefined) {
    throw new InputError(
      `${entries.get(one)?.file}: "${one}" and "${other}" could both be "${names[0]}"; keep the tensors of one model, under its names`,
    );
  }
  return prefixes.get(one) ?? "";
}

function namesInCheckpoints(name: string, basePrefix: string): string[] {
  const names = [name];
  if (name.startsWith(`${basePrefix}.`)) names.push(name.slice(basePrefix.length + 1));
  const old = names.map((known) =>
    known.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta"),
  );
  return [...new Set([...names, ...old])];
}
