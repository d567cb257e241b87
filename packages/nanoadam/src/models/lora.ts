/**
 * LoRA (Hu et al. 2021; docs/method.md, section 4): a linear layer computes `W x + (alpha / rank) B A dropout(x)`, and only A
 * and B are trained. Any model becomes one with an adapter: its stages get the parameters `<layer>.lora_A.weight`
 * [rank, inputs] and `<layer>.lora_B.weight` [outputs, rank] beside their own, and the context's `linear` adds what they give.
 */
import { matmul, type Value } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import type { AdapterScale, Model, Stage, StageContext } from "./model.js";
import { constantParameter, type ParameterSpecification } from "./parameters.js";

export interface LoraOptions extends AdapterScale {
  /** Names of layers, or endings of names after a dot ("query"); "all-linear" for all but the head's. */
  readonly targets: readonly string[];
}

/** The targets of a model where none are named: the layers that PEFT adapts by default. */
export function defaultLoraTargets({ backbone }: Model): readonly string[] {
  return backbone.adapterTargets;
}

export function hasAdapter(model: Model): boolean {
  return model.parameters.some(({ role }) => role === "adapter");
}

/** Names of the adapter's two matrices for a layer. */
export function adapterNames(layer: string): { readonly a: string; readonly b: string } {
  return { a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight` };
}

/** Checkpoint names of the layers that targets match, in the model's order. */
export function targetLayers({ parameters }: Model, targets: readonly string[]): string[] {
  const layers = parameters
    .filter(({ name, role, shape }) => role === "weight" && shape.length === 2 && name.endsWith(".weight"))
    .map(({ name }) => name.slice(0, -".weight".length));
  const matches = (target: string) => (layer: string) =>
    target === "all-linear" || layer === target || layer.endsWith(`.${target}`);
  for (const target of targets) {
    if (layers.some(matches(target))) continue;
    const endings = [...new Set(layers.map((layer) => layer.split(".").at(-1)))];
    throw new InputError(
      `\`loraTargets\` has "${target}", which names no linear layer; there are ${endings.join(", ")}, or all-linear`,
    );
  }
  return layers.filter((layer) => targets.some((target) => matches(target)(layer)));
}

/**
 * A model with an adapter: the base's parameters as they are, and A and B of each target. A starts Kaiming-uniform with
 * a = sqrt 5, that is uniform within `1 / sqrt(inputs)`; B starts at 0, so that the model starts as it was.
 *
 * @throws InputError for a target that names no layer, and a rank above the width of all that are adapted.
 */
export function withLora(model: Model, { rank, alpha, dropout, targets }: LoraOptions): Model {
  const adapted = new Set(targetLayers(model, targets));
  requireRank(model, adapted, rank);
  const adapters = new Map<string, LayerAdapter>();
  for (const { name, shape } of model.parameters) {
    const layer = layerOf(name);
    if (adapted.has(layer)) adapters.set(layer, adapterParameters(layer, shape, rank));
  }
  return {
    ...model,
    adapter: { rank, alpha, dropout },
    parameters: [...model.parameters, ...[...adapters.values()].flatMap(({ a, b }) => [a, b])],
    stages: model.stages.map((stage) => adaptStage(stage, adapters)),
  };
}

/** The rank of a layer is at most its shorter side: an adapter beyond that is nothing but larger than the layer. */
function requireRank({ parameters }: Model, adapted: ReadonlySet<string>, rank: number): void {
  const sides = parameters.filter(({ name }) => adapted.has(layerOf(name))).map(({ shape }) => Math.min(...shape));
  const most = Math.max(...sides);
  if (rank > most) throw new InputError(`\`loraRank\` is ${rank}, expected at most ${most}, the width of the layers`);
}

interface LayerAdapter {
  readonly a: ParameterSpecification;
  readonly b: ParameterSpecification;
}

/** The layer that a weight belongs to. */
function layerOf(weightName: string): string {
  return weightName.replace(/\.weight$/, "");
}

function adapterParameters(layer: string, shape: readonly number[], rank: number): LayerAdapter {
  const [outputs = 1, inputs = 1] = shape;
  const { a, b } = adapterNames(layer);
  return {
    a: {
      name: a,
      shape: [rank, inputs],
      role: "adapter",
      initialisation: { kind: "uniform", bound: 1 / Math.sqrt(inputs) },
    },
    b: constantParameter(b, [outputs, rank], "adapter", 0),
  };
}

/** A stage with A and B beside the weights of its adapted layers; its block is the same, since `linear` adds what they give. */
function adaptStage(stage: Stage, adapters: ReadonlyMap<string, LayerAdapter>): Stage {
  const added = Object.entries(stage.parameters).flatMap(([local, { name }]) => {
    const adapter = adapters.get(layerOf(name));
    if (adapter === undefined || !name.endsWith(".weight")) return [];
    const names = adapterNames(layerOf(local));
    return [
      [names.a, adapter.a],
      [names.b, adapter.b],
    ] as const;
  });
  return added.length === 0 ? stage : { ...stage, parameters: { ...stage.parameters, ...Object.fromEntries(added) } };
}

/**
 * What an adapter adds to a linear layer's output: `(alpha / rank) B A dropout(x)`.
 * @param context of the stage that has A and B
 */
export function adapterOutput(
  context: Pick<StageContext, "parameter" | "dropout">,
  localName: string,
  x: Value,
  { rank, alpha, dropout }: AdapterScale,
): Value {
  const { a, b } = adapterNames(localName);
  const inner = matmul(context.dropout(x, dropout), context.parameter(a), { transposeB: true });
  return matmul(inner, context.parameter(b), { transposeB: true, scale: alpha / rank });
}
