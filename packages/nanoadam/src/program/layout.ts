import { ArenaLayout, type ArenaSlot, type TensorType } from "@nanoadam/engine";
import type { CompiledStage, ProgramOptions } from "./compile-stages.js";

/** Where each tensor of a program lies in the arena. */
export interface ProgramLayout {
  readonly bytes: number;
  readonly batch: ReadonlyMap<string, ArenaSlot>;
  /** For each stage, every tensor of its functions but the parameters in float32. */
  readonly stages: readonly ReadonlyMap<string, ArenaSlot>[];
}

/** What a stage hands to the next, or to the caller; everything else that its forward function gives is a residual. */
const results: ReadonlySet<string> = new Set(["output", "logits", "loss"]);

/**
 * Decides where everything lies. While training, outputs, residuals and masks live until the backward pass; the
 * gradients of one stage give way to those of the next, but for the hidden state's, which alternate between two places. So do
 * rows that are looked up, and parameters that are stored in bfloat16, in float32. With checkpointing, residuals and masks too
 * give way to those of the next stage.
 */
export function layOut(
  { model, objective, shape, training, weights }: ProgramOptions,
  stages: readonly CompiledStage[],
): ProgramLayout {
  const layout = new ArenaLayout();
  const batch = new Map<string, ArenaSlot>();
  for (const [name, type] of [...model.inputTypes(shape), ...objective.inputTypes(shape)]) {
    batch.set(name, layout.slot(type));
  }
  const slots = stages.map(() => new Map<string, ArenaSlot>());
  const put = (stage: number, name: string, slot: ArenaSlot) => slots[stage]?.set(name, slot);

  const alternating = new Map<string, ArenaSlot>();
  const alternate = (stage: number, type: TensorType): ArenaSlot => {
    const key = `${stage % 2}:${type.dataType}[${type.shape}]`;
    const slot = alternating.get(key) ?? layout.slot(type);
    alternating.set(key, slot);
    return slot;
  };
  const keepsInputsOnly = training?.checkpointing === "stage";
  const putResiduals = ({ forward }: CompiledStage, index: number) => {
    for (const { name, value } of forward.tensors.inputs) {
      if (name.startsWith("dropout.")) put(index, name, layout.slot(value.type));
    }
    for (const { name, value } of forward.tensors.outputs) {
      if (!results.has(name)) put(index, name, layout.slot(value.type));
    }
  };
  stages.forEach((stage, index) => {
    for (const { name } of stage.forward.tensors.inputs) {
      const slot = batch.get(name.replace(/^batch\./, ""));
      if (name.startsWith("batch.") && slot !== undefined) put(index, name, slot);
    }
    for (const { name, value } of stage.forward.tensors.outputs) {
      if (!results.has(name)) continue;
      const slot = training === undefined && name === "output" ? alternate(index, value.type) : layout.slot(value.type);
      put(index, name, slot);
      if (name === "output") put(index + 1, "hidden", slot);
    }
    if (!keepsInputsOnly) putResiduals(stage, index);
  });

  alternating.clear();
  stages.forEach(({ forward }, index) => {
    const isLast = index === stages.length - 1;
    const output = forward.tensors.outputs.find(({ name }) => name === (isLast ? "loss" : "output"));
    if (output === undefined) throw new Error(`${forward.tensors.name} has no output`);
    const cotangent = alternate(index, output.value.type);
    put(index, `cotangent.${output.name}`, cotangent);
    if (!isLast) put(index + 1, "gradient.hidden", cotangent);
  });
  layout.alternatives(stages.entries(), ([index, { forward }]) => {
    for (const { name, value } of forward.tensors.inputs) {
      const parameter = model.stages[index]?.parameters.get(name.replace(/^parameter\./, "")) ?? "";
      const isWidened = name.startsWith("parameter.") && weights.get(parameter) instanceof Uint16Array;
      if (isWidened || name.startsWith("lookup.")) put(index, name, layout.slot(value.type));
    }
  });
  layout.alternatives(stages.entries(), ([index, stage]) => {
    if (keepsInputsOnly) putResiduals(stage, index);
    for (const { name, value } of stage.backward?.tensors.outputs ?? []) {
      if (name !== "gradient.hidden") put(index, name, layout.slot(value.type));
    }
  });
  return { bytes: layout.bytes, batch, stages: slots };
}
