/**
 * A model and its loss compiled for one batch shape: a list of bound functions, one forward and one backward a stage,
 * over one layout of memory. Stages of the same kind share their compiled functions; what differs between them is only
 * the memory that is bound. After compilation nothing is allocated: a step is a walk down the list and up again.
 */
import {
  type Arena,
  ArenaLayout,
  type ArenaSlot,
  type CompiledFunction,
  type Derivative,
  derive,
  dropout,
  fillDropoutMask,
  type GradientPart,
  type GradientStructure,
  input,
  type NamedValue,
  type Runtime,
  type TensorData,
  type TensorFunction,
  type TensorType,
  tensorFunction,
  type Value,
} from "@nanoadam/engine";
import type { BatchShape, Model, Stage, StageContext } from "../models/model.js";
import type { Objective } from "../tasks/objective.js";

/** Weights by their checkpoint names. */
export type Weights = ReadonlyMap<string, Float32Array>;

export interface ProgramOptions {
  readonly model: Model;
  readonly objective: Objective;
  readonly shape: BatchShape;
  readonly weights: Weights;
  readonly runtime: Runtime;
  readonly arena: Arena;
  /** Absent for evaluation: no dropout, no residuals, no backward functions. */
  readonly training?: {
    /** Replaces every dropout rate of the model. */
    readonly dropout: number | undefined;
    /** The structures in which a parameter's gradient is taken; undefined where none is needed. */
    readonly structures: (parameterName: string) => readonly GradientStructure[] | undefined;
  };
}

/** A part of a parameter's gradient with the memory that holds it; it is valid only until the next stage runs. */
export type GradientData =
  | { readonly kind: "dense"; readonly values: Float32Array }
  | { readonly kind: "product"; readonly left: Float32Array; readonly right: Float32Array }
  | { readonly kind: "rows"; readonly indices: Int32Array; readonly values: Float32Array };

/** Receives the gradients of a parameter as they appear. */
export type GradientReceiver = (parameterName: string, parts: readonly GradientData[]) => void;

/** The random key of a pass over the batch; each dropout of each stage is a site of its own. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
}

interface DropoutMask {
  readonly name: string;
  readonly rate: number;
}

/** A stage's function and what it turned out to use. */
interface StageFunction {
  readonly tensors: TensorFunction;
  readonly masks: readonly DropoutMask[];
}

interface CompiledStage {
  readonly masks: readonly DropoutMask[];
  readonly forward: CompiledFunction;
  readonly derivative: Derivative | undefined;
  readonly backward: CompiledFunction | undefined;
}

interface BoundStage {
  readonly forward: () => Promise<void>;
  readonly backward: (() => Promise<void>) | undefined;
  readonly masks: readonly { readonly rate: number; readonly site: number; readonly data: Uint8Array }[];
  readonly gradients: readonly (readonly [parameterName: string, parts: readonly GradientData[]])[];
}

interface Bound {
  readonly stages: readonly BoundStage[];
  readonly batch: ReadonlyMap<string, TensorData>;
  readonly logits: Float32Array;
  readonly loss: Float32Array;
  readonly lossCotangent: Float32Array;
}

const sitesPerStage = 8;

export class Program {
  readonly #options: ProgramOptions;
  readonly #stages: readonly CompiledStage[];
  readonly #layout: ProgramLayout;
  #bound: Bound | undefined;
  #generation = -1;

  private constructor(options: ProgramOptions, stages: readonly CompiledStage[]) {
    this.#options = options;
    this.#stages = stages;
    this.#layout = layOut(options, stages);
  }

  /** Builds, derives and compiles every kind of stage once. */
  static async compile(options: ProgramOptions): Promise<Program> {
    const { model, runtime, training } = options;
    const compiled = new Map<string, CompiledStage>();
    const stages: CompiledStage[] = [];
    let hidden: TensorType | undefined;
    for (const [index, stage] of model.stages.entries()) {
      const wanted = [...stage.parameters].map(
        ([local, name]) => [`parameter.${local}`, training?.structures(name)] as const,
      );
      const key = JSON.stringify([stage.kind, wanted]);
      let compiledStage = compiled.get(key);
      if (compiledStage === undefined) {
        const stageFunction = buildStage(options, index, hidden);
        compiledStage = await compileStage(runtime, stageFunction, training === undefined ? undefined : wanted);
        compiled.set(key, compiledStage);
      }
      stages.push(compiledStage);
      hidden = compiledStage.forward.tensors.outputs[0]?.value.type;
    }
    return new Program(options, stages);
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
  async forward(key?: DropoutKey): Promise<number> {
    const bound = this.#memory();
    for (const stage of bound.stages) {
      for (const { data, rate, site } of stage.masks) fillDropoutMask(data, rate, { seed: 0, step: 0, ...key, site });
      await stage.forward();
    }
    return bound.loss[0] ?? Number.NaN;
  }

  /** Runs the stages in reverse; every parameter's gradient, times `scale`, is handed out as it appears. */
  async backward(scale: number, receive: GradientReceiver): Promise<void> {
    const bound = this.#memory();
    bound.lossCotangent[0] = scale;
    for (const stage of bound.stages.toReversed()) {
      await stage.backward?.();
      for (const [name, parts] of stage.gradients) receive(name, parts);
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
    arena.reserve(this.#layout.bytes);
    if (this.#bound === undefined || this.#generation !== arena.generation) {
      this.#bound = bind(this.#options, this.#stages, this.#layout);
      this.#generation = arena.generation;
    }
    return this.#bound;
  }
}

function buildStage(options: ProgramOptions, index: number, hiddenType: TensorType | undefined): StageFunction {
  const { model, objective, shape, training } = options;
  const stage = model.stages[index];
  if (stage === undefined) throw new Error(`the model has no stage ${index}`);
  const shapes = new Map(model.parameters.map(({ name, shape: parameterShape }) => [name, parameterShape]));
  const batchTypes = new Map([...model.inputTypes(shape), ...objective.inputTypes(shape)]);
  const inputs = new Map<string, Value>();
  const masks: DropoutMask[] = [];
  const given = (name: string, type: TensorType | undefined): Value => {
    const known = inputs.get(name);
    if (known !== undefined) return known;
    if (type === undefined) throw new Error(`${stage.name} uses "${name}", which is not declared`);
    const value = input(type.dataType, type.shape);
    inputs.set(name, value);
    return value;
  };
  const batchInput = (name: string) => given(`batch.${name}`, batchTypes.get(name));
  const context: StageContext = {
    ...shape,
    hidden: () => given("hidden", hiddenType),
    parameter(local) {
      const parameterShape = shapes.get(stage.parameters.get(local) ?? "");
      return given(
        `parameter.${local}`,
        parameterShape === undefined ? undefined : { dataType: "float32", shape: parameterShape },
      );
    },
    batchInput,
    dropout(x, modelRate) {
      const rate = training?.dropout ?? modelRate;
      if (training === undefined || rate === 0) return x;
      const name = `dropout.${masks.length}`;
      masks.push({ name, rate });
      return dropout(x, given(name, { dataType: "bool", shape: x.type.shape }), rate);
    },
  };
  const output = stage.build(context);
  const isLast = index === model.stages.length - 1;
  const outputs: NamedValue[] = isLast
    ? [
        { name: "logits", value: output },
        { name: "loss", value: objective.loss(output, batchInput) },
      ]
    : [{ name: "output", value: output }];
  const named = [...inputs].map(([name, value]) => ({ name, value }));
  return { tensors: tensorFunction(stage.name, named, outputs), masks };
}

async function compileStage(
  runtime: Runtime,
  { tensors, masks }: StageFunction,
  wanted: readonly (readonly [name: string, structures: readonly GradientStructure[] | undefined])[] | undefined,
): Promise<CompiledStage> {
  if (wanted === undefined) {
    return { masks, forward: await runtime.compile(tensors), derivative: undefined, backward: undefined };
  }
  const inputs = new Map<string, readonly GradientStructure[]>();
  if (tensors.inputs.some(({ name }) => name === "hidden")) inputs.set("hidden", []);
  for (const [name, structures] of wanted) if (structures !== undefined) inputs.set(name, structures);
  const isLast = tensors.outputs.some(({ name }) => name === "loss");
  const derivative = derive(tensors, { outputs: [isLast ? "loss" : "output"], inputs });
  return {
    masks,
    derivative,
    forward: await runtime.compile(derivative.forward),
    backward: await runtime.compile(derivative.backward),
  };
}

interface ProgramLayout {
  readonly bytes: number;
  readonly batch: ReadonlyMap<string, ArenaSlot>;
  /** For each stage, every tensor of its functions but the parameters. */
  readonly stages: readonly ReadonlyMap<string, ArenaSlot>[];
}

/**
 * Decides where everything lies. While training, outputs, residuals and masks live until the backward pass; the
 * gradients of one stage give way to those of the next, but for the hidden state's, which alternate between two places.
 */
function layOut(
  { model, objective, shape, training }: ProgramOptions,
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
  stages.forEach(({ forward }, index) => {
    for (const { name, value } of forward.tensors.inputs) {
      const slot = batch.get(name.replace(/^batch\./, ""));
      if (name.startsWith("batch.") && slot !== undefined) put(index, name, slot);
      if (name.startsWith("dropout.")) put(index, name, layout.slot(value.type));
    }
    for (const { name, value } of forward.tensors.outputs) {
      const slot = training === undefined && name === "output" ? alternate(index, value.type) : layout.slot(value.type);
      put(index, name, slot);
      if (name === "output") put(index + 1, "hidden", slot);
    }
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
  const shared = layout.mark();
  stages.forEach(({ backward }, index) => {
    layout.rewind(shared);
    for (const { name, value } of backward?.tensors.outputs ?? []) {
      if (name !== "gradient.hidden") put(index, name, layout.slot(value.type));
    }
  });
  return { bytes: layout.bytes, batch, stages: slots };
}

function bind(
  { model, weights, arena }: ProgramOptions,
  stages: readonly CompiledStage[],
  layout: ProgramLayout,
): Bound {
  const views = (slots: ReadonlyMap<string, ArenaSlot> | undefined): Map<string, TensorData> =>
    new Map([...(slots ?? [])].map(([name, slot]) => [name, arena.view(slot)]));
  let last = new Map<string, TensorData>();
  const bound = stages.map((stage, index): BoundStage => {
    const { parameters, name } = model.stages[index] as Stage;
    const memory = views(layout.stages[index]);
    for (const [local, parameterName] of parameters) {
      const values = weights.get(parameterName);
      if (values === undefined) throw new Error(`${name}: the weights lack ${parameterName}`);
      memory.set(`parameter.${local}`, values);
    }
    last = memory;
    return {
      forward: stage.forward.bind(memory),
      backward: stage.backward?.bind(memory),
      masks: stage.masks.map(({ name: mask, rate }, number) => ({
        rate,
        site: index * sitesPerStage + number,
        data: memory.get(mask) as Uint8Array,
      })),
      gradients: [...(stage.derivative?.gradients ?? [])].flatMap(([inputName, parts]) => {
        const parameterName = parameters.get(inputName.replace(/^parameter\./, ""));
        return parameterName === undefined
          ? []
          : [[parameterName, parts.map((part) => resolve(part, memory))] as const];
      }),
    };
  });
  return {
    stages: bound,
    batch: views(layout.batch),
    logits: last.get("logits") as Float32Array,
    loss: last.get("loss") as Float32Array,
    lossCotangent: last.get("cotangent.loss") as Float32Array,
  };
}

function resolve(part: GradientPart, memory: ReadonlyMap<string, TensorData>): GradientData {
  const floats = (name: string) => memory.get(name) as Float32Array;
  if (part.kind === "dense") return { kind: "dense", values: floats(part.tensor) };
  if (part.kind === "product") return { kind: "product", left: floats(part.left), right: floats(part.right) };
  return { kind: "rows", indices: memory.get(part.indices) as Int32Array, values: floats(part.values) };
}
