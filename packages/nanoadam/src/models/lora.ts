/**
 * LoRA (Hu et al. 2021; METHOD 4): a linear layer computes `W x + (alpha / rank) B A dropout(x)`, and only A and B are
 * trained. Any model becomes one with an adapter: its stages get the parameters `<layer>.lora_A.weight` [rank, inputs] and
 * `<layer>.lora_B.weight` [outputs, rank] beside their own, and their linear layers add the adapter's output.
 */
import { add, matmul, type Value } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import type { Model, ParameterSpecification, Stage, StageContext } from "./model.js";

export interface LoraOptions {
  readonly rank: number;
  /** The adapter's output is scaled by `alpha / rank`. */
  readonly alpha: number;
  /** Dropout rate of what goes into the adapter. */
  readonly dropout: number;
  /** Names of layers, or endings of names after a dot ("query"); "all-linear" for all but the head's. */
  readonly targets: readonly string[];
}

/** The layers that PEFT adapts where none are named: query and value projections. */
const usualTargets: Readonly<Record<string, readonly string[]>> = {
  bert: ["query", "value"],
  roberta: ["query", "value"],
  distilbert: ["q_lin", "v_lin"],
};

/** The targets of a model where none are named. */
export function defaultLoraTargets({ basePrefix }: Model): readonly string[] {
  return usualTargets[basePrefix] ?? ["all-linear"];
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
 * @throws InputError for a target that names no layer.
 */
export function withLora(model: Model, options: LoraOptions): Model {
  const adapted = new Set(targetLayers(model, options.targets));
  return {
    ...model,
    parameters: [
      ...model.parameters,
      ...model.parameters.flatMap(({ name, shape }) => {
        const layer = name.replace(/\.weight$/, "");
        return adapted.has(layer) ? adapterParameters(layer, shape, options.rank) : [];
      }),
    ],
    stages: model.stages.map((stage) => adaptStage(stage, adapted, options)),
  };
}

function adapterParameters(layer: string, shape: readonly number[], rank: number): ParameterSpecification[] {
  const [outputs = 1, inputs = 1] = shape;
  const { a, b } = adapterNames(layer);
  return [
    {
      name: a,
      shape: [rank, inputs],
      role: "adapter",
      initialisation: { kind: "uniform", bound: 1 / Math.sqrt(inputs) },
    },
    { name: b, shape: [outputs, rank], role: "adapter", initialisation: { kind: "constant", value: 0 } },
  ];
}

function adaptStage(stage: Stage, adapted: ReadonlySet<string>, { rank, alpha, dropout }: LoraOptions): Stage {
  const layers = [...stage.parameters].flatMap(([local, name]) => {
    const layer = name.replace(/\.weight$/, "");
    return layer !== name && adapted.has(layer) ? [{ local: local.replace(/\.weight$/, ""), layer }] : [];
  });
  if (layers.length === 0) return stage;
  const locals = new Set(layers.map(({ local }) => local));
  return {
    ...stage,
    kind: `${stage.kind} with adapters of ${[...locals].join(", ")}`,
    parameters: new Map([
      ...stage.parameters,
      ...layers.flatMap(({ local, layer }): [string, string][] => {
        const [inside, outside] = [adapterNames(local), adapterNames(layer)];
        return [
          [inside.a, outside.a],
          [inside.b, outside.b],
        ];
      }),
    ]),
    build(context: StageContext): Value {
      const adapt = (layer: string, x: Value, output: Value): Value => {
        if (!locals.has(layer)) return output;
        const { a, b } = adapterNames(layer);
        const inner = matmul(context.dropout(x, dropout), context.parameter(a), { transposeB: true });
        return add(output, matmul(inner, context.parameter(b), { transposeB: true, scale: alpha / rank }));
      };
      return stage.build({ ...context, adapt });
    },
  };
}
