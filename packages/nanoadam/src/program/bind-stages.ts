/** The stages of a program tied to memory: what runs, in which order, and where its numbers lie. */
import type { ArenaSlot, GradientPart, TensorData } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { widenBfloat16 } from "../checkpoint/floats.js";
import { randomSites } from "../random-streams.js";
import type { LogitColumns } from "../tasks/task.js";
import { addedToCache, outputNames, updateName } from "./build-stage.js";
import type { ProgramOptions, StageRun } from "./compile-stages.js";
import type { CompiledParts } from "./compiled-parts.js";
import { gatherRows } from "./gather-rows.js";
import type { Gradient, ParameterGradient } from "./gradient-form.js";
import type { KeyValueCache } from "./key-value-cache.js";
import type { ProgramLayout } from "./layout.js";
import { type PieceGradient, type PieceOfRows, pieceTensors, VocabularyLoss } from "./vocabulary-loss.js";

/** A part of a stage's function with its memory. */
export interface BoundPart {
  /** Brings to float32 what the part uses of the weights and is not stored so; parts that use the same have the same list. */
  readonly place: readonly (() => void)[];
  readonly run: () => Promise<void>;
}

/** A run of a stage with its memory. */
export interface BoundStage {
  readonly forward: readonly BoundPart[];
  /** Gives the stage's buffers the values that the last forward run has found for them. */
  readonly update: () => void;
  readonly backward: readonly BoundPart[] | undefined;
  readonly masks: readonly { readonly rate: number; readonly site: number; readonly data: Uint8Array }[];
  readonly gradients: readonly ParameterGradient[];
  /** The parameters that the backward pass has no further use for once the stage has run backward. */
  readonly complete: readonly string[];
  /** Puts what the stage adds to cached tensors there. */
  readonly keep: readonly (() => void)[];
  /** Of the head, or of a piece of its columns. */
  readonly judged: Judged | undefined;
}

/** A piece of the head's columns, and what makes its part of the loss and the loss's gradient of it. */
interface JudgedPiece extends PieceOfRows {
  /** Finds the sums' logarithms and, while training, the softmax. */
  readonly judge: () => Promise<void>;
  /** Whether its softmax is still there when the backward pass comes. */
  readonly isKept: boolean;
  /** While training. */
  readonly gradient: (PieceGradient & { readonly find: () => Promise<void> }) | undefined;
}

/** What the head says. */
interface Judged {
  readonly logits: Float32Array;
  /** Absent in a program without one, and where this is a piece. */
  readonly loss: Float32Array | undefined;
  /** Where this is a piece. */
  readonly columns: LogitColumns | undefined;
  /** Of a piece in a program with a loss. */
  readonly piece: JudgedPiece | undefined;
  /** The gradient of the hidden state, which the pieces add to, and what this one adds; of all pieces but the last. */
  readonly addition: { readonly sum: Float32Array; readonly added: Float32Array } | undefined;
}

export interface Bound {
  readonly stages: readonly BoundStage[];
  /** The same in reverse. */
  readonly upwards: readonly BoundStage[];
  readonly batch: ReadonlyMap<string, TensorData>;
  /** The factor on the loss that gradients are of; absent in a program that is not for training, and where there are pieces. */
  readonly lossCotangent: Float32Array | undefined;
  /** Where there are pieces. */
  readonly vocabularyLoss: VocabularyLoss | undefined;
  /** The logits of all pieces. */
  readonly logits: Float32Array | undefined;
}

/** Ties all stages to the views of a layout. */
export function bindStages(
  { weights, arena, cache }: ProgramOptions & { readonly cache: KeyValueCache | undefined },
  stages: readonly StageRun[],
  layout: ProgramLayout,
): Bound {
  const views = (slots: ReadonlyMap<string, ArenaSlot> | undefined): Map<string, TensorData> =>
    new Map([...(slots ?? [])].map(([name, slot]) => [name, arena.view(slot)]));
  const batch = views(layout.batch);
  const memories = layout.stages.map(views);
  // The backward pass comes to the first stage last.
  const used = new Set<string>();
  const completeAfter = (run: StageRun): string[] => {
    if (run.backward === undefined) return [];
    const names = parametersOf(run).filter((name) => !used.has(name));
    for (const name of names) used.add(name);
    return names;
  };
  const bound = stages.map((run, position): BoundStage => {
    const memory = memories[position] ?? new Map<string, TensorData>();
    const before = stages[run.index - 1]?.derivative?.cotangents.get(outputNames.hidden);
    const hiddenCotangent = memories[run.index - 1]?.get(before ?? "") as Float32Array | undefined;
    const complete = completeAfter(run);
    return { ...bindStage(run, { position, weights, memory, batch, hiddenCotangent, cache }), complete };
  });
  const lossCotangent = stages.at(-1)?.derivative?.cotangents.get(outputNames.loss) ?? "";
  return {
    stages: bound,
    upwards: bound.toReversed(),
    batch,
    lossCotangent: memories.at(-1)?.get(lossCotangent) as Float32Array | undefined,
    vocabularyLoss: vocabularyLossOf(stages, batch),
    logits: layout.logits === undefined ? undefined : (arena.view(layout.logits) as Float32Array),
  };
}

/** The names of the parameters that a run of a stage uses. */
function parametersOf({ stage, inputs }: StageRun): string[] {
  const names = [...inputs.values()].flatMap((given) => {
    const local = given.kind === "parameter" ? given.local : given.kind === "rows" ? given.table : undefined;
    return local === undefined ? [] : [stage.parameters[local]?.name ?? local];
  });
  return [...new Set(names)];
}

/** The loss that pieces make together, where the last stage runs in pieces that have one. */
function vocabularyLossOf(
  stages: readonly StageRun[],
  batch: ReadonlyMap<string, TensorData>,
): VocabularyLoss | undefined {
  if (stages.at(-1)?.ofPiece === undefined) return undefined;
  return new VocabularyLoss(batch.get("labels") as Int32Array, batch.get("label_weights") as Float32Array);
}

interface StagePlace {
  /** Among all runs. */
  readonly position: number;
  readonly weights: ProgramOptions["weights"];
  /** The stage's tensors by name; those of parameters in float32 are added. */
  readonly memory: Map<string, TensorData>;
  readonly batch: ReadonlyMap<string, TensorData>;
  /** The gradient of what the stage takes in. */
  readonly hiddenCotangent: Float32Array | undefined;
  readonly cache: KeyValueCache | undefined;
}

function bindStage(
  compiled: StageRun,
  { position, weights, memory, batch, hiddenCotangent, cache }: StagePlace,
): Omit<BoundStage, "complete"> {
  const { stage, columns } = compiled;
  const placing = new Map<string, () => void>();
  const keep: (() => void)[] = [];
  const masks: { rate: number; site: number; data: Uint8Array }[] = [];
  const nameOf = (local: string): string => stage.parameters[local]?.name ?? local;
  const weightsOf = (local: string): WeightArray => {
    const values = weights.get(nameOf(local));
    if (values === undefined) throw new Error(`${stage.name}: the weights lack ${nameOf(local)}`);
    if (columns === undefined || stage.columnParameters?.includes(local) !== true) return values;
    const width = values.length / (stage.parameters[local]?.shape[0] ?? 1);
    return values.subarray(columns.from * width, columns.to * width);
  };
  const bufferOf = (local: string): Float32Array => {
    const values = weights.get(stage.buffers?.[local]?.name ?? "");
    if (values instanceof Float32Array) return values;
    throw new Error(`${stage.name}: the weights lack the buffer ${local}`);
  };
  const updates = Object.keys(stage.buffers ?? {}).flatMap((local) => {
    const next = memory.get(updateName(local));
    return next === undefined ? [] : [{ buffer: bufferOf(local), next: next as Float32Array }];
  });
  const indicesOf = (name: string) => batch.get(name) as Int32Array;
  for (const [name, given] of compiled.inputs) {
    const own = memory.get(name);
    if (given.kind === "parameter") {
      const values = weightsOf(given.local);
      if (values instanceof Float32Array) memory.set(name, values);
      else placing.set(name, () => widenBfloat16(values, own as Float32Array));
    } else if (given.kind === "buffer") {
      memory.set(name, bufferOf(given.local));
    } else if (given.kind === "rows") {
      const names = { table: nameOf(given.table), indices: given.indices };
      placing.set(name, gatherRows(weightsOf(given.table), indicesOf(given.indices), own as Float32Array, names));
    } else if (given.kind === "dropout") {
      masks.push({ rate: given.rate, site: randomSites.dropout(position, given.use), data: own as Uint8Array });
    } else if (given.kind === "cache") {
      if (cache === undefined) throw new Error("the batch goes on from a cache, and there is none");
      const held = cache.tensor(`${stage.name}.${given.name}`, shapeOf(compiled, addedToCache(given.name)));
      memory.set(name, held.values);
      const added = memory.get(addedToCache(given.name)) as Float32Array;
      keep.push(() => cache.add(held, added));
    }
  }
  const gradients = [...(compiled.derivative?.gradients ?? [])].flatMap(([name, parts]): ParameterGradient[] => {
    const given = compiled.inputs.get(name);
    if (given?.kind !== "parameter" && given?.kind !== "rows") return [];
    const indices = given.kind === "rows" ? indicesOf(given.indices) : undefined;
    return [
      {
        parameterName: nameOf(given.kind === "rows" ? given.table : given.local),
        ...(columns === undefined ? {} : { firstRow: columns.from }),
        parts: parts.map((part) => resolve(part, memory, indices)),
      },
    ];
  });
  const judged = judgedBy(compiled, memory, hiddenCotangent);
  const places = compiled.groups.map((group) =>
    group.map((name) => placing.get(name)).filter((each) => each !== undefined),
  );
  const bind = ({ parts }: CompiledParts): BoundPart[] =>
    parts.map((part) => ({ place: places[part.group] ?? [], run: part.compiled.bind(memory) }));
  return {
    judged,
    forward: bind(compiled.forward),
    update() {
      for (const { buffer, next } of updates) buffer.set(next);
    },
    backward: compiled.backward && bind(compiled.backward),
    masks,
    gradients,
    keep,
  };
}

/** What a run of the head says; undefined for other stages. */
function judgedBy(
  { columns, derivative, ofPiece, isKept = false }: StageRun,
  memory: ReadonlyMap<string, TensorData>,
  hiddenCotangent: Float32Array | undefined,
): Judged | undefined {
  const floats = (name: string | undefined) => memory.get(name ?? "") as Float32Array | undefined;
  const logits = floats(outputNames.logits);
  if (logits === undefined) return undefined;
  const [logSum, rowFactor, gradient] = [pieceTensors.logSum, pieceTensors.rowFactor, pieceTensors.gradient].map(
    floats,
  );
  const find = ofPiece?.gradient?.bind(memory);
  const [part] = derivative?.gradients.get("hidden") ?? [];
  const added = part?.kind === "dense" ? floats(part.tensor) : undefined;
  const isAdded = columns !== undefined && added !== undefined && added.byteOffset !== hiddenCotangent?.byteOffset;
  return {
    logits,
    loss: floats(outputNames.loss),
    columns,
    piece: columns &&
      ofPiece &&
      logSum && {
        ...{ columns, logits, logSum },
        judge: ofPiece.judge.bind(memory),
        isKept,
        gradient: rowFactor && gradient && find && { rowFactor, gradient, find },
      },
    addition: isAdded && hiddenCotangent !== undefined ? { sum: hiddenCotangent, added } : undefined,
  };
}

function shapeOf({ tensors }: StageRun, output: string): readonly number[] {
  return tensors.outputs.find(({ name }) => name === output)?.value.type.shape ?? [];
}

/** @param indices of the rows that the gradient is of, where it is of gathered rows */
function resolve(
  part: GradientPart,
  memory: ReadonlyMap<string, TensorData>,
  indices: Int32Array | undefined,
): Gradient {
  const floats = (name: string) => memory.get(name) as Float32Array;
  if (part.kind === "product") {
    const { images } = part;
    const [left, right] = [floats(part.left), floats(part.right)];
    return { form: "product", left, right, ...(images === undefined ? {} : { images }) };
  }
  const values = floats(part.tensor);
  return indices === undefined ? { form: "dense", values } : { form: "rows", indices, values };
}
