import { ArenaLayout, type ArenaSlot, rowsOfSlot, type TensorType } from "@nanoadam/engine";
import {
  type CompiledStage,
  derivedOutput,
  outputNames,
  type ProgramOptions,
  type RowRange,
  type StageRun,
} from "./compile-stages.js";

/** Where each tensor of a program lies in the arena. */
export interface ProgramLayout {
  readonly bytes: number;
  /** The batch's tensors that stages ask for. */
  readonly batch: ReadonlyMap<string, ArenaSlot>;
  /** For each run of a stage, every tensor of its functions but the parameters in float32. */
  readonly stages: readonly ReadonlyMap<string, ArenaSlot>[];
}

/**
 * Decides where everything lies. While training, outputs, residuals and masks live until the backward pass; the
 * gradients of one stage give way to those of the next, but for the hidden state's, which alternate between two places. So do
 * gathered rows, and parameters that are stored in bfloat16, in float32. With checkpointing, residuals and masks too give way
 * to those of the next stage. So do those of the pieces of a head, and their logits.
 */
export function layOut(
  { batch: batchType, training, weights }: ProgramOptions,
  stages: readonly StageRun[],
): ProgramLayout {
  const layout = new ArenaLayout();
  const batch = new Map<string, ArenaSlot>();
  const slots = stages.map(() => new Map<string, ArenaSlot>());
  // Those that take in what a stage gives: the next one, or all of its pieces.
  const after = (index: number) =>
    [...stages.entries()].filter(([, run]) => run.index === (stages[index]?.index ?? 0) + 1);
  const put = (stage: number, name: string, slot: ArenaSlot) => slots[stage]?.set(name, slot);
  const batchSlot = (name: string): ArenaSlot => {
    const type = batchType.get(name);
    if (type === undefined) throw new Error(`the batch has no "${name}"`);
    const slot = batch.get(name) ?? layout.slot(type);
    batch.set(name, slot);
    return slot;
  };
  const alternating = new Map<string, ArenaSlot>();
  const alternate = (stage: number, type: TensorType): ArenaSlot => {
    const key = `${stage % 2}:${type.dataType}[${type.shape}]`;
    const slot = alternating.get(key) ?? layout.slot(type);
    alternating.set(key, slot);
    return slot;
  };
  const typeOfInput = ({ tensors }: CompiledStage, name: string): TensorType => {
    const found = tensors.inputs.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`${tensors.name} has no input "${name}"`);
    return found.value.type;
  };

  const keepsInputsOnly = training?.checkpointing === "stage";
  const putResiduals = (stage: CompiledStage, index: number) => {
    for (const [name, { kind }] of stage.inputs) {
      if (kind === "dropout") put(index, name, layout.slot(typeOfInput(stage, name)));
    }
    for (const { name, value } of stage.derivative?.residuals ?? []) put(index, name, layout.slot(value.type));
  };
  stages.forEach((stage, index) => {
    for (const [name, given] of stage.inputs) {
      if (given.kind === "batch") put(index, name, partOf(batchSlot(given.name), stage.rows));
      if (given.kind === "rows") batchSlot(given.indices);
    }
    for (const { name, value } of stage.tensors.outputs) {
      const isHidden = name === outputNames.hidden;
      // The first piece is the largest, and the others have its place.
      const first = (stage.rows?.from ?? 0) > 0 ? slots[stage.index]?.get(name) : undefined;
      const slot =
        first !== undefined
          ? { ...first, type: value.type }
          : training === undefined && isHidden
            ? alternate(index, value.type)
            : layout.slot(value.type);
      put(index, name, slot);
      if (isHidden) for (const [next, { rows }] of after(index)) put(next, "hidden", partOf(slot, rows));
    }
    if (!keepsInputsOnly && stage.rows === undefined) putResiduals(stage, index);
  });
  if (!keepsInputsOnly) {
    const pieces = [...stages.entries()].filter(([, { rows }]) => rows !== undefined);
    layout.alternatives(pieces, ([index, stage]) => putResiduals(stage, index));
  }

  alternating.clear();
  stages.forEach((stage, index) => {
    if (stage.derivative === undefined) return;
    const cotangent = alternate(stage.index, derivedOutput(stage).value.type);
    for (const name of stage.derivative.cotangents.values()) put(index, name, cotangent);
    for (const [next, { derivative, rows }] of after(index)) {
      for (const part of derivative?.gradients.get("hidden") ?? []) {
        if (part.kind === "dense") put(next, part.tensor, partOf(cotangent, rows));
      }
    }
  });
  layout.alternatives(stages.entries(), ([index, stage]) => {
    const { parameters } = stage.stage;
    for (const [name, given] of stage.inputs) {
      const stored = given.kind === "parameter" ? weights.get(parameters[given.local]?.name ?? "") : undefined;
      if (given.kind === "rows" || stored instanceof Uint16Array) {
        put(index, name, layout.slot(typeOfInput(stage, name)));
      }
    }
  });
  layout.alternatives(stages.entries(), ([index, stage]) => {
    if (keepsInputsOnly) putResiduals(stage, index);
    for (const { name, value } of stage.backward?.tensors.outputs ?? []) {
      if (slots[index]?.has(name) !== true) put(index, name, layout.slot(value.type));
    }
  });
  return { bytes: layout.bytes, batch, stages: slots };
}

/** The part of a slot that a run takes in. */
function partOf(slot: ArenaSlot, rows: RowRange | undefined): ArenaSlot {
  return rows === undefined ? slot : rowsOfSlot(slot, rows.from, rows.to);
}
