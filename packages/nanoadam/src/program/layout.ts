import { ArenaLayout, type ArenaSlot, type TensorType } from "@nanoadam/engine";
import { derivedOutputs, outputNames } from "./build-stage.js";
import { mostWholeLogits } from "./column-pieces.js";
import type { CompiledStage, ProgramOptions, StageRun } from "./compile-stages.js";
import { pieceTensors } from "./vocabulary-loss.js";

/** Where each tensor of a program lies in the arena. */
export interface ProgramLayout {
  readonly bytes: number;
  /** The batch's tensors that stages ask for. */
  readonly batch: ReadonlyMap<string, ArenaSlot>;
  /** For each run of a stage, every tensor of its functions but the parameters in float32. */
  readonly stages: readonly ReadonlyMap<string, ArenaSlot>[];
  /** The logits of all pieces, in a program for prediction that has room for them. */
  readonly logits: ArenaSlot | undefined;
}

/**
 * Decides where everything lies. While training, outputs, residuals and masks live until the backward pass; the
 * gradients of one stage give way to those of the next, but for the hidden state's, which alternate between two places. So do
 * gathered rows, and parameters that are stored in bfloat16, in float32; of those of a large stage a group gives way to the next. With checkpointing, residuals and masks too give way
 * to those of the next stage. So do those of the pieces of a head, and their logits, and their softmax where it is not kept.
 */
export function layOut(options: ProgramOptions, stages: readonly StageRun[]): ProgramLayout {
  const { batch: batchType, training } = options;
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
  // The first piece is the largest, and the others have its place.
  const slotOfPiece = (stage: StageRun, name: string, type: TensorType): ArenaSlot => {
    const first = isLaterPiece(stage) ? slots[stage.index]?.get(name) : undefined;
    return first === undefined ? layout.slot(type) : { ...first, type };
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
      if (given.kind === "batch") put(index, name, batchSlot(given.name));
      if (given.kind === "rows") batchSlot(given.indices);
    }
    if (stage.ofPiece !== undefined) for (const target of ["labels", "label_weights"]) batchSlot(target);
    for (const { name, value } of stage.tensors.outputs) {
      const isHidden = name === outputNames.hidden;
      const slot =
        training === undefined && isHidden ? alternate(index, value.type) : slotOfPiece(stage, name, value.type);
      put(index, name, slot);
      if (isHidden) for (const [next] of after(index)) put(next, "hidden", slot);
    }
    if (!keepsInputsOnly && stage.columns === undefined) putResiduals(stage, index);
    const rows = { dataType: "float32", shape: [stage.tensors.outputs[0]?.value.type.shape[0] ?? 1, 1] } as const;
    if (stage.ofPiece !== undefined) put(index, pieceTensors.logSum, layout.slot(rows));
    if (stage.ofPiece?.gradient !== undefined) {
      const [logits = rows] = stage.tensors.outputs.map(({ value }) => value.type);
      const shared = () => slotOfPiece(stage, pieceTensors.softmax, logits);
      put(index, pieceTensors.softmax, stage.isKept === true ? layout.slot(logits) : shared());
      put(index, pieceTensors.rowFactor, slotOfPiece(stage, pieceTensors.rowFactor, rows));
    }
  });
  if (!keepsInputsOnly) {
    const pieces = [...stages.entries()].filter(([, { columns }]) => columns !== undefined);
    layout.alternatives(pieces, ([index, stage]) => putResiduals(stage, index));
  }

  alternating.clear();
  // The last piece is the first to run backward and starts the sum; what the others give is added to it.
  const putHiddenGradients = (index: number, cotangent: ArenaSlot) => {
    let added: ArenaSlot | undefined;
    for (const [next, { derivative }] of after(index)) {
      for (const part of derivative?.gradients.get("hidden") ?? []) {
        if (part.kind !== "dense") continue;
        const isAdded = stages[next]?.columns !== undefined && next < stages.length - 1;
        if (isAdded) added ??= layout.slot(cotangent.type);
        put(next, part.tensor, isAdded && added !== undefined ? added : cotangent);
      }
    }
  };
  stages.forEach((stage, index) => {
    if (stage.derivative === undefined) return;
    for (const { name, value } of derivedOutputs(stage)) {
      const cotangent = stage.derivative.cotangents.get(name) ?? "";
      // Once its softmax is there, nobody asks for a piece's logits but a derivative that is taken at them.
      const logits = stage.needsOwnColumns === false ? slots[index]?.get(outputNames.logits) : undefined;
      const slot =
        stage.columns === undefined
          ? alternate(stage.index, value.type)
          : (logits ?? slotOfPiece(stage, cotangent, value.type));
      put(index, cotangent, slot);
      if (name === outputNames.hidden) putHiddenGradients(index, slot);
    }
  });
  layout.alternatives(stages.entries(), ([index, stage]) => {
    layout.alternatives(stage.groups, (group) => {
      for (const name of group) put(index, name, layout.slot(typeOfInput(stage, name)));
    });
  });
  layout.alternatives(stages.entries(), ([index, stage]) => {
    if (keepsInputsOnly) putResiduals(stage, index);
    // What parts of the forward function hand on is done with when the backward one begins.
    layout.alternatives([stage.forward, stage.backward], (functionOfStage) => {
      for (const { name, value } of [...(functionOfStage?.outputs ?? []), ...(functionOfStage?.between ?? [])]) {
        if (slots[index]?.has(name) !== true) put(index, name, layout.slot(value.type));
      }
    });
  });
  const logits = training === undefined ? allLogits(stages) : undefined;
  const slot = logits === undefined ? undefined : layout.slot(logits);
  return { bytes: layout.bytes, batch, stages: slots, logits: slot };
}

/** Whether a run is a piece of a head after the first. */
function isLaterPiece({ columns }: StageRun): boolean {
  return columns !== undefined && columns.from > 0;
}

/** The type of the logits of all pieces, where they are few enough to be there at once. */
function allLogits(stages: readonly StageRun[]): TensorType | undefined {
  const last = stages.at(-1);
  if (last?.columns === undefined) return undefined;
  const [rows = 1] = last.tensors.outputs[0]?.value.type.shape ?? [];
  if (rows * last.columns.to > mostWholeLogits) return undefined;
  return { dataType: "float32", shape: [rows, last.columns.to] };
}
