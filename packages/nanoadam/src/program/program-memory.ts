/** The memory that a program takes, found out without compiling or running anything. */
import { type CompiledFunction, type Runtime, scratchBytes, sizeOf, type TensorFunction } from "@nanoadam/engine";
import { compileStages, type ProgramOptions } from "./compile-stages.js";
import { layOut } from "./layout.js";

export interface ProgramMemory {
  /** The batch, activations, masks and gradients, as the arena lays them out. */
  readonly arenaBytes: number;
  /**
   * What the engine has between the operations of a stage, where that is most, with the largest weight of the stage once more: ONNX
   * Runtime 1.30 takes about so much for the product with a head over a vocabulary (measured).
   */
  readonly scratchBytes: number;
  /** The largest pair of factors of which entries of a gradient are computed, as they come and transposed; 0 without. */
  readonly factorBytes: number;
}

/** Builds a program's graphs and lays out its memory. Of `weights` it only counts which type each has. */
export async function memoryOfProgram(options: Omit<ProgramOptions, "runtime" | "arena">): Promise<ProgramMemory> {
  const stages = await compileStages({ ...options, runtime: drawingBoard, arena: undefined as never });
  const { bytes } = layOut({ ...options, runtime: drawingBoard, arena: undefined as never }, stages);
  let [scratch, factors] = [0, 0];
  for (const { forward, backward, ofPiece, derivative, tensors, inputs } of stages) {
    const weights = tensors.inputs.filter(({ name }) => inputs.get(name)?.kind === "parameter");
    const largest = Math.max(0, ...weights.map(({ value }) => 4 * sizeOf(value.type.shape)));
    const parts = [...forward.parts, ...(backward?.parts ?? [])].map(({ compiled }) => compiled);
    for (const compiled of [...parts, ofPiece?.judge, ofPiece?.gradient]) {
      if (compiled !== undefined) scratch = Math.max(scratch, largest + scratchBytes(compiled.tensors));
    }
    const whole = derivative === undefined ? [] : [derivative.forward, derivative.backward];
    for (const gradient of derivative?.gradients.values() ?? []) {
      for (const part of gradient) {
        if (part.kind !== "product") continue;
        const sizes = [part.left, part.right].map((name) => sizeOf(shapeOf(name, whole)));
        factors = Math.max(factors, 2 * 4 * sizes.reduce((sum, size) => sum + size, 0));
      }
    }
  }
  return { arenaBytes: bytes, scratchBytes: scratch, factorBytes: factors };
}

function shapeOf(name: string, functions: readonly TensorFunction[]): readonly number[] {
  for (const { inputs, outputs } of functions) {
    for (const each of [...inputs, ...outputs]) if (each.name === name) return each.value.type.shape;
  }
  return [];
}

/** An engine on which functions are drawn and nothing runs. */
const drawingBoard: Runtime = {
  name: "none",
  version: "",
  compile: async (tensors: TensorFunction): Promise<CompiledFunction> => ({
    tensors,
    bind: () => {
      throw new Error("a function that was only drawn cannot run");
    },
    release: async () => undefined,
  }),
};
