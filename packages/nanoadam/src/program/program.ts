/**
 * A model and its loss compiled for one batch shape: a list of bound functions, one forward and one backward a stage,
 * over one layout of memory. Stages of the same kind share their compiled functions; what differs between them is only
 * the memory that is bound. After compilation nothing is allocated: a step is a walk down the list and up again. With
 * checkpointing a stage runs forward a second time on the way up, with the same dropout, which gives the same bits.
 */
import { type ArenaSlot, fillDropoutMask, type GradientPart, type TensorData } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { widenBfloat16 } from "../checkpoint/floats.js";
import type { Stage } from "../models/model.js";
import { type CompiledStage, compileStages, type ProgramOptions } from "./compile-stages.js";
import { lookingUp } from "./gather-rows.js";
import { layOut, type ProgramLayout } from "./layout.js";

/** A part of a parameter's gradient with the memory that holds it; it is valid only while it is received. */
export type GradientData =
  | { readonly kind: "dense"; readonly values: Float32Array }
  | { readonly kind: "product"; readonly left: Float32Array; readonly right: Float32Array }
  | { readonly kind: "rows"; readonly indices: Int32Array; readonly values: Float32Array };

/** A parameter's gradient, or what a stage adds to it: the sum of its parts. */
export interface ParameterGradient {
  readonly parameterName: string;
  readonly parts: readonly GradientData[];
}

/** Receives the gradients of a stage's parameters as they appear. */
export type GradientReceiver = (gradients: readonly ParameterGradient[]) => void;

/** The random key of a pass over the batch; each dropout of each stage is a site of its own. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
}

interface BoundStage {
  /** Brings to float32 what the functions use of the weights and is not stored so. */
  readonly place: readonly (() => void)[];
  readonly forward: () => Promise<void>;
  readonly backward: (() => Promise<void>) | undefined;
  readonly masks: readonly { readonly rate: number; readonly site: number; readonly data: Uint8Array }[];
  readonly gradients: readonly ParameterGradient[];
}

interface Bound {
  readonly stages: readonly BoundStage[];
  /** The same in reverse. */
  readonly upwards: readonly BoundStage[];
  readonly batch: ReadonlyMap<string, TensorData>;
  readonly logits: Float32Array;
  readonly loss: Float32Array;
  readonly lossCotangent: Float32Array;
}

const sitesPerStage = 16;
const noDropoutKey: DropoutKey = { seed: 0, step: 0 };

export class Program {
  readonly #options: ProgramOptions;
  readonly #stages: readonly CompiledStage[];
  readonly #layout: ProgramLayout;
  #bound: Bound | undefined;
  #generation = -1;
  #key = noDropoutKey;
  /** The stage whose weights are in place. */
  #placed: BoundStage | undefined;

  private constructor(options: ProgramOptions, stages: readonly CompiledStage[]) {
    this.#options = options;
    this.#stages = stages;
    this.#layout = layOut(options, stages);
    options.arena.reserve(this.#layout.bytes);
  }

  /** Builds, derives and compiles every kind of stage once. */
  static async compile(options: ProgramOptions): Promise<Program> {
    return new Program(options, await compileStages(options));
  }

  /** Puts a batch's tensors in place. */
  load(batch: ReadonlyMap<string, TensorData>): void {
    for (const [name, memory] of this.#memory().batch) {
      const data = batch.get(name);
      if (data === undefined || data.length !== memory.length) {
        throw new Error(`the batch has ${data?.length ?? "no"} entries of "${name}", expected ${memory.length}`);
      }
      memory.set(data);
    }
  }

  /** Runs the stages in order; returns the loss. */
  async forward(key: DropoutKey = noDropoutKey): Promise<number> {
    const bound = this.#memory();
    this.#key = key;
    this.#placed = undefined;
    for (const stage of bound.stages) {
      this.#prepareForward(stage);
      await stage.forward();
    }
    return bound.loss[0] ?? Number.NaN;
  }

  #prepareForward(stage: BoundStage): void {
    const { seed, step } = this.#key;
    for (const { data, rate, site } of stage.masks) fillDropoutMask(data, rate, { seed, step, site });
    this.#place(stage);
  }

  #place(stage: BoundStage): void {
    if (this.#placed === stage) return;
    for (const place of stage.place) place();
    this.#placed = stage;
  }

  /** Runs the stages of the last forward pass in reverse; the gradients of each, times `scale`, are handed out as they appear. */
  async backward(scale: number, receive: GradientReceiver): Promise<void> {
    const bound = this.#memory();
    bound.lossCotangent[0] = scale;
    const keepsInputsOnly = this.#options.training?.checkpointing === "stage";
    const [last] = bound.upwards;
    for (const stage of bound.upwards) {
      if (stage.backward === undefined) continue;
      if (keepsInputsOnly && stage !== last) {
        this.#prepareForward(stage);
        await stage.forward();
      }
      this.#place(stage);
      await stage.backward();
      receive(stage.gradients);
    }
  }

  /** The logits of the last forward pass, valid until the next. */
  logits(): Float32Array {
    return this.#memory().logits;
  }

  async release(): Promise<void> {
    for (const stage of new Set(this.#stages)) {
      await stage.forward.release();
      await stage.backward?.release();
    }
  }

  #memory(): Bound {
    const { arena } = this.#options;
    if (this.#bound === undefined || this.#generation !== arena.generation) {
      this.#bound = bind(this.#options, this.#stages, this.#layout);
      this.#generation = arena.generation;
    }
    return this.#bound;
  }
}

function bind(
  { model, weights, arena }: ProgramOptions,
  stages: readonly CompiledStage[],
  layout: ProgramLayout,
): Bound {
  const views = (slots: ReadonlyMap<string, ArenaSlot> | undefined): Map<string, TensorData> =>
    new Map([...(slots ?? [])].map(([name, slot]) => [name, arena.view(slot)]));
  const batch = views(layout.batch);
  let last = new Map<string, TensorData>();
  const bound = stages.map((stage, index): BoundStage => {
    const { parameters, name } = model.stages[index] as Stage;
    const memory = views(layout.stages[index]);
    const place: (() => void)[] = [];
    const weightsOf = (local: string): WeightArray => {
      const values = weights.get(parameters.get(local) ?? "");
      if (values === undefined) throw new Error(`${name}: the weights lack ${parameters.get(local) ?? local}`);
      return values;
    };
    for (const local of parameters.keys()) {
      const values = weightsOf(local);
      const wide = memory.get(`parameter.${local}`) as Float32Array | undefined;
      if (values instanceof Float32Array) memory.set(`parameter.${local}`, values);
      else if (wide !== undefined) place.push(() => widenBfloat16(values, wide));
    }
    for (const { name: lookup, table, rows } of stage.lookups) {
      const numbers = batch.get(rows) as Int32Array;
      const found = memory.get(lookup) as Float32Array;
      place.push(lookingUp(weightsOf(table), numbers, found.length / numbers.length, found));
    }
    last = memory;
    return {
      place,
      forward: stage.forward.bind(memory),
      backward: stage.backward?.bind(memory),
      masks: stage.masks.map(({ name: mask, rate }, number) => ({
        rate,
        site: index * sitesPerStage + number,
        data: memory.get(mask) as Uint8Array,
      })),
      gradients: [...(stage.derivative?.gradients ?? [])].flatMap(([inputName, parts]) => {
        const lookup = stage.lookups.find((each) => each.name === inputName);
        const parameterName = parameters.get(lookup?.table ?? inputName.replace(/^parameter\./, ""));
        if (parameterName === undefined) return [];
        const indices = lookup === undefined ? undefined : (batch.get(lookup.rows) as Int32Array);
        return [{ parameterName, parts: parts.map((part) => resolve(part, memory, indices)) }];
      }),
    };
  });
  return {
    stages: bound,
    upwards: bound.toReversed(),
    batch,
    logits: last.get("logits") as Float32Array,
    loss: last.get("loss") as Float32Array,
    lossCotangent: last.get("cotangent.loss") as Float32Array,
  };
}

/** @param indices of the rows that the gradient is of, where it is of rows looked up */
function resolve(
  part: GradientPart,
  memory: ReadonlyMap<string, TensorData>,
  indices: Int32Array | undefined,
): GradientData {
  const floats = (name: string) => memory.get(name) as Float32Array;
  if (part.kind === "product") return { kind: "product", left: floats(part.left), right: floats(part.right) };
  const values = floats(part.tensor);
  return indices === undefined ? { kind: "dense", values } : { kind: "rows", indices, values };
}
