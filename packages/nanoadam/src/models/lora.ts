/**
 * LoRA (Hu et al. 2021; docs/method.md, section 4): a linear layer computes `W x + scale B A dropout(x)`, and only A and B are
 * trained; the scale is `alpha / rank`, or `alpha / sqrt(rank)` (rsLoRA, Kalajdzievski 2023). Any model becomes one with an
 * adapter: its stages get the parameters `<layer>.lora_A.weight` [rank, inputs] and `<layer>.lora_B.weight` [outputs, rank] beside
 * their own, and the context's `linear` adds what they give. With DoRA (Liu et al. 2024) a layer has a third,
 * `<layer>.lora_magnitude_vector` [outputs], which starts as the lengths of the rows of W: the rows of `W + scale B A` are brought
 * to these lengths, the ones that they have being taken for constants.
 */
import { add, constantRowNorms, divide, linear, matmul, multiply, subtract, type Value } from "@nanoadam/engine";
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

/** Names of the adapter's two matrices for a layer, and of its magnitudes. */
export function adapterNames(layer: string): { readonly a: string; readonly b: string; readonly magnitude: string } {
  return {
    a: `${layer}.lora_A.weight`,
    b: `${layer}.lora_B.weight`,
    magnitude: `${layer}.lora_magnitude_vector`,
  };
}

/** The factor on the product of an adapter's matrices. */
export function scaleOfAdapter({ rank, alpha, useRslora = false }: AdapterScale): number {
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
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
export function withLora(model: Model, { targets, ...scale }: LoraOptions): Model {
  const adapted = new Set(targetLayers(model, targets));
  requireRank(model, adapted, scale.rank);
  const adapters = new Map<string, LayerAdapter>();
  for (const { name, shape } of model.parameters) {
    const layer = layerOf(name);
    if (adapted.has(layer)) adapters.set(layer, adapterParameters(layer, shape, scale));
  }
  return {
    ...model,
    adapter: scale,
    parameters: [...model.parameters, ...[...adapters.values()].flatMap((parts) => Object.values(parts))],
    stages: model.stages.map((stage) => adaptStage(stage, adapters)),
  };
}

/** The rank of a layer is at most its shorter side: an adapter beyond that is nothing but larger than the layer. */
function requireRank({ parameters }: Model, adapted: ReadonlySet<string>, rank: number): void {
  const sides = parameters.filter(({ name }) => adapted.has(layerOf(name))).map(({ shape }) => Math.min(...shape));
  const most = Math.max(...sides);
  if (rank > most) throw new InputError(`\`loraRank\` is ${rank}, expected at most ${most}, the width of the layers`);
}

/** The parameters of a layer's adapter; the magnitudes are DoRA's. */
interface LayerAdapter {
  readonly a: ParameterSpecification;
  readonly b: ParameterSpecification;
  readonly magnitude?: ParameterSpecification;
}

/** The layer that a weight belongs to. */
function layerOf(weightName: string): string {
  return weightName.replace(/\.weight$/, "");
}

function adapterParameters(
  layer: string,
  shape: readonly number[],
  { rank, useDora = false }: AdapterScale,
): LayerAdapter {
  const [outputs = 1, inputs = 1] = shape;
  const { a, b, magnitude } = adapterNames(layer);
  const magnitudes: ParameterSpecification = {
    name: magnitude,
    shape: [outputs],
    role: "adapter",
    initialisation: { kind: "row-norms", of: `${layer}.weight` },
  };
  return {
    a: {
      name: a,
      shape: [rank, inputs],
      role: "adapter",
      initialisation: { kind: "uniform", bound: 1 / Math.sqrt(inputs) },
    },
    b: constantParameter(b, [outputs, rank], "adapter", 0),
    ...(useDora ? { magnitude: magnitudes } : {}),
  };
}

/** A stage with A and B beside the weights of its adapted layers; its block is the same, since `linear` adds what they give. */
function adaptStage(stage: Stage, adapters: ReadonlyMap<string, LayerAdapter>): Stage {
  const added = Object.entries(stage.parameters).flatMap(([local, { name }]) => {
    const adapter = adapters.get(layerOf(name));
    if (adapter === undefined || !name.endsWith(".weight")) return [];
    const names = adapterNames(layerOf(local));
    return Object.entries(adapter).map(([part, parameter]) => [names[part as keyof LayerAdapter], parameter] as const);
  });
  return added.length === 0 ? stage : { ...stage, parameters: { ...stage.parameters, ...Object.fromEntries(added) } };
}

/**
 * What a linear layer with an adapter gives.
 * @param context of the stage that has its parameters
 */
export function adaptedLinear(
  context: Pick<StageContext, "parameter" | "dropout">,
  localName: string,
  x: Value,
  hasBias: boolean,
  adapter: AdapterScale,
): Value {
  const names = adapterNames(localName);
  const scale = scaleOfAdapter(adapter);
  const [a, b, weight] = [names.a, names.b, `${localName}.weight`].map((name) => context.parameter(name));
  if (a === undefined || b === undefined || weight === undefined) throw new Error(`${localName} has no adapter`);
  const bias = hasBias ? context.parameter(`${localName}.bias`) : undefined;
  const into = context.dropout(x, adapter.dropout);
  const added = matmul(matmul(into, a, { transposeB: true }), b, { transposeB: true, scale });
  if (adapter.useDora !== true) return add(linear(x, weight, bias), added);
  const norms = constantRowNorms(add(weight, matmul(b, a, { scale })));
  const own = linear(into, weight);
  const scaled = multiply(add(own, added), divide(context.parameter(names.magnitude), norms));
  // As PEFT has it, dropout does not touch the layer itself.
  if (into !== x) return add(linear(x, weight, bias), subtract(scaled, own));
  return bias === undefined ? scaled : add(scaled, bias);
}
