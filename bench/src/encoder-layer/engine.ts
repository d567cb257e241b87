/** The layer on @nanoadam/engine: nanoadam's own stage, derived with whole gradients for everything. */
import { derive, input, linear, sizeOf, type TensorData, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import type { StageContext } from "nanoadam";
import { given, type LayerProblem, type PreparedLayer } from "./problem.js";

/** Compiles a problem's layer for the CPU. */
export async function engineLayer(problem: LayerProblem, threads: number): Promise<PreparedLayer> {
  const { stage, inputs, attentionMask, cotangent } = problem;
  const values = new Map([...inputs].map(([name, { shape }]) => [name, input("float32", shape)]));
  values.set("attention_mask", input("int32", attentionMask.shape));
  const parameter = (name: string) => given(values, name);
  const context: StageContext = {
    mode: "train",
    hidden: () => given(values, "hidden"),
    input: (name) => given(values, name),
    parameter,
    rows: (table) => given(values, table),
    linear: (name, x) => linear(x, parameter(`${name}.weight`), parameter(`${name}.bias`)),
    dropout: (x) => x,
    buffer: (name) => given(values, name),
    update() {},
    cached: (_, x) => x,
  };
  const tensors = tensorFunction(
    stage.name,
    [...values].map(([name, value]) => ({ name, value })),
    [{ name: "output", value: stage.block(context) }],
  );
  const wholeGradients = new Map([...inputs.keys()].map((name) => [name, []]));
  const derivative = derive(tensors, { outputs: ["output"], inputs: wholeGradients });
  const memory = new Map<string, TensorData>([...inputs].map(([name, { values: entries }]) => [name, entries]));
  memory.set("attention_mask", attentionMask.values);
  memory.set("cotangent.output", cotangent.values);
  const outputs = new Map<string, Float32Array>();
  for (const { name, value } of [...derivative.forward.outputs, ...derivative.backward.outputs]) {
    outputs.set(name, new Float32Array(sizeOf(value.type.shape)));
  }
  for (const [name, entries] of outputs) memory.set(name, entries);
  const runtime = await cpuRuntime({ threads });
  const forward = (await runtime.compile(derivative.forward)).bind(memory);
  const backward = (await runtime.compile(derivative.backward)).bind(memory);
  const step = async () => {
    await forward();
    await backward();
  };
  const results = async () => {
    await step();
    const gradients = [...inputs.keys()].map((name) => [name, given(outputs, `gradient.${name}`).slice()] as const);
    return new Map([["output", given(outputs, "output").slice()], ...gradients]);
  };
  return { step, results };
}
