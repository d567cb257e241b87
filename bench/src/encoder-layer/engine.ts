/** The layer on @nanoadam/engine: nanoadam's own stage, derived with whole gradients for everything. */
import { derive, input, sizeOf, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import type { Stage } from "nanoadam";
import { given, type LayerProblem, type PreparedLayer } from "./problem.js";

/** Compiles a problem's layer for the CPU. */
export async function engineLayer(problem: LayerProblem, threads: number): Promise<PreparedLayer> {
  const { stage, inputs, attentionBias, cotangent } = problem;
  const numbers = new Map([...inputs, ["attention_bias", attentionBias] as const]);
  const values = new Map([...numbers].map(([name, { shape }]) => [name, input("float32", shape)]));
  const context: Parameters<Stage["build"]>[0] = {
    ...problem.sizes,
    hidden: () => given(values, "hidden"),
    parameter: (name) => given(values, name),
    lookUp: (table) => given(values, table),
    batchInput: (name) => given(values, name),
    dropout: (x) => x,
  };
  const tensors = tensorFunction(
    stage.name,
    [...values].map(([name, value]) => ({ name, value })),
    [{ name: "output", value: stage.build(context) }],
  );
  const wholeGradients = new Map([...inputs.keys()].map((name) => [name, []]));
  const derivative = derive(tensors, { outputs: ["output"], inputs: wholeGradients });
  const memory = new Map([...numbers].map(([name, { values: entries }]) => [name, entries]));
  memory.set("cotangent.output", cotangent.values);
  for (const { name, value } of [...derivative.forward.outputs, ...derivative.backward.outputs]) {
    memory.set(name, new Float32Array(sizeOf(value.type.shape)));
  }
  const runtime = cpuRuntime({ threads });
  const forward = (await runtime.compile(derivative.forward)).bind(memory);
  const backward = (await runtime.compile(derivative.backward)).bind(memory);
  const step = async () => {
    await forward();
    await backward();
  };
  const results = async () => {
    await step();
    const gradients = [...inputs.keys()].map((name) => [name, given(memory, `gradient.${name}`).slice()] as const);
    return new Map([["output", given(memory, "output").slice()], ...gradients]);
  };
  return { step, results };
}
