/** What the tensors of an adapter's file do to which parameters of the model. */
import { sizeOf } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";
import type { CheckpointEntry } from "./weight-files.js";

export const adapterWeightsFile = "adapter_model.safetensors";
const prefix = "base_model.model.";

/** PEFT's name for a parameter of the model, adapters' matrices included. */
export function peftName(parameter: string): string {
  return prefix + parameter;
}

/** What an adapter does to one parameter: the tensors of its file by their names. */
export interface Adaptation {
  readonly parameter: ParameterSpecification;
  /** What takes the place of the base's tensor. */
  readonly whole?: string;
  /** The two matrices whose product is added; of an embedding's the transpose is. */
  readonly product?: AdaptedLayer & { readonly a: string; readonly b: string; readonly isTransposed: boolean };
  /** The lengths that the rows of the sum with the product are brought to. */
  readonly magnitude?: string;
  /** A vector that is added, scaled as the product: the bias of B. */
  readonly added?: AdaptedLayer & { readonly name: string };
}

/** A layer that has an adapter, by PEFT's name, and its rank. */
interface AdaptedLayer {
  readonly layer: string;
  readonly rank: number;
}

const forms = [
  { kind: "product", pattern: /^(?<layer>.*)\.lora_(?<matrix>[AB])\.weight$/, parameter: "weight" },
  { kind: "embedding", pattern: /^(?<layer>.*)\.lora_embedding_(?<matrix>[AB])$/, parameter: "weight" },
  { kind: "magnitude", pattern: /^(?<layer>.*)\.lora_magnitude_vector(\.weight)?$/, parameter: "weight" },
  { kind: "added", pattern: /^(?<layer>.*)\.lora_B\.bias$/, parameter: "bias" },
] as const;

type Part =
  | { readonly kind: "whole"; readonly parameter: string }
  | { readonly kind: (typeof forms)[number]["kind"]; readonly parameter: string; readonly layer: string };

/** What a tensor of PEFT's is of, from its name without PEFT's prefix. */
function partOf(name: string): Part {
  for (const { kind, pattern, parameter } of forms) {
    const layer = pattern.exec(name)?.groups?.layer;
    if (layer !== undefined) return { kind, layer, parameter: `${layer}.${parameter}` };
  }
  // What an adapted layer has itself, and PEFT stores beside its adapter: biases, embeddings.
  return { kind: "whole", parameter: plainName(name) };
}

/**
 * What an adapter does, by the names of the model's parameters.
 * @param stored the tensors of the adapter's file, `path`
 * @throws InputError for a tensor that is of no parameter, has another shape, or lacks its counterpart.
 */
export function adaptationsOf(
  stored: ReadonlyMap<string, CheckpointEntry>,
  model: Model,
  path: string,
): ReadonlyMap<string, Adaptation> {
  const parameters = new Map(model.parameters.map((parameter) => [parameter.name, parameter]));
  const { name: base } = model.backbone;
  const adaptations = new Map<string, Adaptation>();
  for (const entry of stored.values()) {
    if (!entry.name.startsWith(prefix)) {
      throw new InputError(`${path}: tensor "${entry.name}" is none of PEFT's, which begin with "${prefix}"`);
    }
    const part = partOf(entry.name.slice(prefix.length));
    if (part.kind === "whole" && (model.tiedNames.includes(part.parameter) || isSpare(entry.name, stored))) continue;
    // An adapter of a backbone alone has no prefix.
    const parameter = parameters.get(part.parameter) ?? parameters.get(`${base}.${part.parameter}`);
    if (parameter === undefined) {
      const what = part.kind === "whole" ? "is" : `adapts ${part.layer}, which is`;
      throw new InputError(`${path}: tensor "${entry.name}" ${what} no part of the base as a ${model.architecture}`);
    }
    const known = adaptations.get(parameter.name) ?? { parameter };
    adaptations.set(parameter.name, { ...known, ...stepOf(part, entry, { stored, parameter, path }) });
  }
  return adaptations;
}

/**
 * Whether a tensor is one that PEFT stores but does not use: with bias "all" those of a module that is trained whole come under
 * three names, of which the plain one counts.
 */
function isSpare(name: string, stored: ReadonlyMap<string, CheckpointEntry>): boolean {
  return /\.original_module\./.test(name) || (plainName(name) !== name && stored.has(plainName(name)));
}

/** A name without the words for what PEFT wraps: an adapted layer itself, a module that is trained whole. */
function plainName(name: string): string {
  return name.replace(/\.base_layer\.(?=\w+$)/, ".").replace(/\.modules_to_save\.(default\.)?/, ".");
}

interface Place {
  readonly stored: ReadonlyMap<string, CheckpointEntry>;
  readonly parameter: ParameterSpecification;
  readonly path: string;
}

function stepOf(part: Part, entry: CheckpointEntry, place: Place): Omit<Adaptation, "parameter"> {
  const { stored, parameter, path } = place;
  if (part.kind === "whole") {
    requireShape(entry, parameter.shape, place);
    return { whole: entry.name };
  }
  const { layer } = part;
  const start = `${prefix}${layer}.lora_`;
  if (part.kind === "added") {
    requireShape(entry, parameter.shape, place);
    const rank = requireCounterpart(stored, entry, `${start}A.weight`, path).shape[0] ?? 0;
    return { added: { layer, rank, name: entry.name } };
  }
  if (part.kind === "magnitude") {
    requireShape(entry, parameter.shape.slice(0, 1), place);
    requireCounterpart(stored, entry, `${start}A.weight`, path);
    return { magnitude: entry.name };
  }
  const isTransposed = part.kind === "embedding";
  const [a, b] = isTransposed
    ? [`${start}embedding_A`, `${start}embedding_B`]
    : [`${start}A.weight`, `${start}B.weight`];
  const [first, second] = [a, b].map((name) => requireCounterpart(stored, entry, name, path));
  const [rows = 0, columns = 0] = isTransposed ? parameter.shape.toReversed() : parameter.shape;
  const rank = first?.shape[0] ?? 0;
  if (sizeOf(first?.shape ?? []) === 0) throw unfit(entry, place);
  requireShape(first, [rank, columns], place);
  requireShape(second, [rows, rank], place);
  return { product: { layer, rank, a, b, isTransposed } };
}

function requireCounterpart(
  stored: ReadonlyMap<string, CheckpointEntry>,
  { name }: CheckpointEntry,
  other: string,
  path: string,
): CheckpointEntry {
  const found = stored.get(other);
  if (found === undefined) throw new InputError(`${path}: "${name}" is there, but not "${other}"`);
  return found;
}

function requireShape(entry: CheckpointEntry | undefined, expected: readonly number[], place: Place): void {
  if (entry === undefined || String(entry.shape) === String(expected)) return;
  throw unfit(entry, place);
}

function unfit({ name, shape }: CheckpointEntry, { parameter, path }: Place): InputError {
  return new InputError(
    `${path}: "${name}" has shape [${shape.join(", ")}], which does not fit ${parameter.name} [${parameter.shape.join(", ")}]`,
  );
}
