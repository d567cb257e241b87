/** The names under which checkpoints have a model's parameters. */
import { sizeOf } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";
import type { CheckpointEntry } from "./weight-files.js";

type Entries = ReadonlyMap<string, CheckpointEntry>;

/** A tensor of a checkpoint, or the part of one that a parameter is. */
export interface FoundTensor {
  readonly entry: CheckpointEntry;
  /** What the parameter's shape would be by it. */
  readonly shape: readonly number[];
  /** The first of its entries, row by row. */
  readonly start: number;
}

/**
 * Finds the checkpoint's tensor for a parameter: by its name, or those that base-model checkpoints and old TensorFlow
 * conversions give it, or by any of these after the prefix that the backbone has in this file (`model.`, `module.`, ...); else
 * by one of the other names that the architecture knows.
 * @throws InputError where the backbone is there under several prefixes.
 */
export function parameterFinder(
  entries: Entries,
  { backbone }: Pick<Model, "backbone">,
): (parameter: string) => FoundTensor | undefined {
  const find = (names: readonly string[]) => {
    const found = names.find((name) => entries.has(name));
    return found === undefined ? undefined : entries.get(found);
  };
  const first = Object.values(backbone.stages[0]?.parameters ?? {})[0]?.name ?? "";
  const known = (parameter: string) => namesInCheckpoints(parameter, backbone.name);
  const prefix = find(known(first)) === undefined ? prefixOf(entries, known(first), backbone.name) : "";
  return (parameter) => {
    const entry = find(known(parameter)) ?? find(known(parameter).map((name) => prefix + name));
    if (entry !== undefined) return { entry, shape: entry.shape, start: 0 };
    for (const { name, part } of backbone.otherNames?.(parameter) ?? []) {
      const other = find(namesInCheckpoints(name, backbone.name));
      if (other !== undefined)
        return part === undefined ? { entry: other, shape: other.shape, start: 0 } : partOf(other, part);
    }
    return undefined;
  };
}

/** One of so many equal parts of a tensor; the whole where it has no such parts, whose shape will not fit. */
function partOf(entry: CheckpointEntry, { index, of }: { readonly index: number; readonly of: number }): FoundTensor {
  const [rows = 1, ...row] = entry.shape;
  if (rows % of !== 0) return { entry, shape: entry.shape, start: 0 };
  const shape = [rows / of, ...row];
  return { entry, shape, start: index * sizeOf(shape) };
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
