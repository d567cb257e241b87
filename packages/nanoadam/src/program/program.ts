/**
 * A model and its loss compiled for the types of one batch: a list of bound functions, one forward and one backward a stage,
 * over one layout of memory. Stages with the same block share their compiled functions; what differs between them is only
 * the memory that is bound. After compilation nothing is allocated: a step is a walk down the list and up again. With
 * checkpointing a stage runs forward a second time on the way up, with the same dropout, which gives the same bits. So do
 * the pieces of a head over a large vocabulary, whose logits are never there all at once.
 */
import { type ArenaSlot, fillDropoutMask, type GradientPart, type TensorData } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { widenBfloat16 } from "../checkpoint/floats.js";
import type { Batch } from "../data/batch.js";
import { randomSites, type StepKey } from "../random-streams.js";
import {
  addedToCache,
  compileStages,
  outputNames,
  type ProgramOptions,
  releaseStages,
  type StageRun,
  updateName,
} from "./compile-stages.js";
import { gatherRows } from "./gather-rows.js";
import type { Gradient, GradientReceiver, ParameterGradient } from "./gradient-form.js";
import type { KeyValueCache } from "./key-value-cache.js";
import { layOut, type ProgramLayout } from "./layout.js";

interface BoundStage {
  /** Brings to float32 what the functions use of the weights and is not stored so. */
  readonly place: readonly (() => void)[];
  readonly forward: () => Promise<void>;
  /** Gives the stage's buffers the values that the last forward run has found for them. */
  readonly update: () => void;
  readonly backward: (() => Promise<void>) | undefined;
  readonly masks: readonly { readonly rate: number; readonly site: number; readonly data: Uint8Array }[];
  readonly gradients: readonly ParameterGradient[];
  /** Puts what the stage adds to cached tensors there. */
  readonly keep: readonly (() => void)[];
  /** Of the head, or of a piece of its rows. */
  readonly judged: JudgedRows | undefined;
}

/** What the head says of consecutive rows. */
interface JudgedRows {
  readonly logits: Float32Array;
  readonly firstRow: number;
  /** Whether these rows are some of all. */
  readonly isPiece: boolean;
  /** Absent in a program without one. */
  readonly loss: Float32Array | undefined;
}

/** Takes the logits of consecutive rows, from row `firstRow` on; they are valid until it returns. */
export type LogitsReceiver = (logits: Float32Array, firstRow: number) => void;

interface Bound {
  readonly stages: readonly BoundStage[];
  /** The same in reverse. */
  readonly upwards: readonly BoundStage[];
  readonly batch: ReadonlyMap<string, TensorData>;
  /** The factor on the loss that gradients are of; absent in a program that is not for training. */
  readonly lossCotangent: Float32Array | undefined;
}

const noDropout: StepKey = { seed: 0, step: 0 };

export class Program {
  readonly #options: ProgramOptions;
  readonly #stages: readonly StageRun[];
  readonly #layout: ProgramLayout;
  #bound: Bound | undefined;
  #generation = -1;
  #cache: KeyValueCache | undefined;
  #cacheGeneration = -1;
  #key = noDropout;
  /** What the weights that are in place were brought there by. */
  #placed: BoundStage["place"] | undefined;

  private constructor(options: ProgramOptions, stages: readonly StageRun[]) {
    this.#options = options;
    this.#stages = stages;
    this.#layout = layOut(options, stages);
    options.arena.reserve(this.#layout.bytes);
  }

  /** Builds, derives and compiles the stages. */
  static async compile(options: ProgramOptions): Promise<Program> {
    return new Program(options, await compileStages(options));
  }

  /**
   * Puts the tensors in place that the stages ask for.
   * @param cache keys and values of earlier tokens, where the batch goes on from them; the forward pass adds to it
   * @throws Error for a batch of other types than the program's.
   */
  load({ tensors }: Batch, cache?: KeyValueCache): void {
    if (cache !== this.#cache) this.#bound = undefined;
    this.#cache = cache;
    for (const [name, memory] of this.#memory().batch) {
      const data = tensors.get(name)?.data;
      if (data === undefined || data.length !== memory.length) {
        throw new Error(`the batch has ${data?.length ?? "no"} entries of "${name}", expected ${memory.length}`);
      }
      memory.set(data);
    }
  }

  /** Runs the stages in order; returns the loss, a sum over rows, or NaN in a program without one. */
  async forward(key: StepKey = noDropout, receive?: LogitsReceiver): Promise<number> {
    this.#key = key;
    this.#placed = undefined;
    let loss = 0;
    for (const stage of this.#memory().stages) {
      this.#prepareForward(stage);
      await stage.forward();
      stage.update();
      for (const keep of stage.keep) keep();
      if (stage.judged === undefined) continue;
      loss += stage.judged.loss?.[0] ?? Number.NaN;
      receive?.(stage.judged.logits, stage.judged.firstRow);
    }
    return loss;
  }

  #prepareForward(stage: BoundStage): void {
    const { seed, step } = this.#key;
    for (const { data, rate, site } of stage.masks) fillDropoutMask(data, rate, { seed, step, site });
    this.#place(stage);
  }

  #place(stage: BoundStage): void {
    if (this.#placed === stage.place) return;
    for (const place of stage.place) place();
    this.#placed = stage.place;
  }

  /**
   * Runs the stages of the last forward pass in reverse; the gradients of each, of the loss times `factor`, are handed out as
   * they appear.
   */
  async backward(receive: GradientReceiver, factor = 1): Promise<void> {
    const bound = this.#memory();
    if (bound.lossCotangent === undefined) throw new Error("the program was not compiled for training");
    bound.lossCotangent[0] = factor;
    const keepsInputsOnly = this.#options.training?.checkpointing === "stage";
    const [last] = bound.upwards;
    for (const stage of bound.upwards) {
      if (stage.backward === undefined) continue;
      if ((keepsInputsOnly || stage.judged?.isPiece === true) && stage !== last) {
        this.#prepareForward(stage);
        await stage.forward();
      }
      this.#place(stage);
      await stage.backward();
      receive(stage.gradients);
    }
  }

  /**
   * The logits of the last forward pass, valid until the next.
   * @throws Error where there are too many to be there all at once
   */
  logits(): Float32Array {
    const judged = this.#memory().stages.at(-1)?.judged;
    if (judged === undefined || judged.isPiece) throw new Error("the logits are there for some rows at a time");
    return judged.logits;
  }

  async release(): Promise<void> {
    await releaseStages(this.#stages);
  }

  #memory(): Bound {
    const { arena } = this.#options;
    const cache = this.#cache;
    const isCurrent = this.#generation === arena.generation && this.#cacheGeneration === (cache?.generation ?? -1);
    if (this.#bound === undefined || !isCurrent) {
      this.#bound = bind({ ...this.#options, cache }, this.#stages, this.#layout);
      this.#generation = arena.generation;
      this.#cacheGeneration = cache?.generation ?? -1;
    }
    return this.#bound;
  }
}

function bind(
  { weights, arena, cache }: ProgramOptions & { readonly cache: KeyValueCache | undefined },
  stages: readonly StageRun[],
  layout: ProgramLayout,
): Bound {
  const views = (slots: ReadonlyMap<string, ArenaSlot> | undefined): Map<string, TensorData> =>
    new Map([...(slots ?? [])].map(([name, slot]) => [name, arena.view(slot)]));
  const batch = views(layout.batch);
  const memories = layout.stages.map(views);
  const placed = new Map<number, BoundStage["place"]>();
  const bound = stages.map((run, position): BoundStage => {
    const memory = memories[position] ?? new Map<string, TensorData>();
    const stage = bindStage(run, { position, weights, memory, batch, cache });
    // Pieces have the same weights in the same place.
    const place = placed.get(run.index) ?? stage.place;
    placed.set(run.index, place);
    return { ...stage, place };
  });
  const lossCotangent = stages.at(-1)?.derivative?.cotangents.get(outputNames.loss) ?? "";
  return {
    stages: bound,
    upwards: bound.toReversed(),
    batch,
    lossCotangent: memories.at(-1)?.get(lossCotangent) as Float32Array | undefined,
  };
}

interface StagePlace {
  /** Among all runs. */
  readonly position: number;
  readonly weights: ProgramOptions["weights"];
  /** The stage's tensors by name; those of parameters in float32 are added. */
  readonly memory: Map<string, TensorData>;
  readonly batch: ReadonlyMap<string, TensorData>;
  readonly cache: KeyValueCache | undefined;
}

function bindStage(compiled: StageRun, { position, weights, memory, batch, cache }: StagePlace): BoundStage {
  const { stage, rows } = compiled;
  const place: (() => void)[] = [];
  const keep: (() => void)[] = [];
  const masks: { rate: number; site: number; data: Uint8Array }[] = [];
  const nameOf = (local: string): string => stage.parameters[local]?.name ?? local;
  const weightsOf = (local: string): WeightArray => {
    const values = weights.get(nameOf(local));
    if (values === undefined) throw new Error(`${stage.name}: the weights lack ${nameOf(local)}`);
    return values;
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
      else place.push(() => widenBfloat16(values, own as Float32Array));
    } else if (given.kind === "buffer") {
      memory.set(name, bufferOf(given.local));
    } else if (given.kind === "rows") {
      const names = { table: nameOf(given.table), indices: given.indices };
      place.push(gatherRows(weightsOf(given.table), indicesOf(given.indices), own as Float32Array, names));
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
        parts: parts.map((part) => resolve(part, memory, indices)),
      },
    ];
  });
  const floats = (name: string) => memory.get(name) as Float32Array | undefined;
  const logits = floats(outputNames.logits);
  const judged: JudgedRows | undefined =
    logits === undefined
      ? undefined
      : { logits, firstRow: rows?.from ?? 0, isPiece: rows !== undefined, loss: floats(outputNames.loss) };
  return {
    place,
    judged,
    forward: compiled.forward.bind(memory),
    update() {
      for (const { buffer, next } of updates) buffer.set(next);
    },
    backward: compiled.backward?.bind(memory),
    masks,
    gradients,
    keep,
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
