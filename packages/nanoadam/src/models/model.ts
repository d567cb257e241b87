/**
 * A model is a list of stages. A stage is a pure function, written as a graph over named tensors: the hidden state of
 * the stage before, the batch's own tensors, and its parameters. Parameters have local names inside a stage
 * ("query.weight") and checkpoint names outside ("bert.encoder.layer.3.attention.self.query.weight"), so that blocks
 * of one kind share one function. How a parameter is stored is no concern of a model file.
 */
import type { TensorData, TensorType, Value } from "@nanoadam/engine";

/** What a parameter is, as far as the choice of its update goes (METHOD section 2). */
export type ParameterRole = "weight" | "bias" | "embedding" | "normalisation" | "head" | "adapter";

export type Initialisation =
  | { readonly kind: "normal"; readonly standardDeviation: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

/** One tensor of a model under its Hugging Face name. */
export interface ParameterSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  readonly initialisation: Initialisation;
}

/** Examples in a batch and tokens in each, padding included. */
export interface BatchShape {
  readonly batchSize: number;
  readonly length: number;
}

/** Token ids of a batch, row-major [batchSize, length]; `attentionMask` is 1 at tokens and 0 at padding. */
export interface TokenBatch extends BatchShape {
  readonly inputIds: Int32Array;
  readonly attentionMask: Int32Array;
  readonly tokenTypeIds: Int32Array;
}

/** What a stage's function may use while it is being built. */
export interface StageContext extends BatchShape {
  /** The output of the stage before; for all stages but the first. */
  hidden(): Value;
  /** A parameter by its local name. */
  parameter(localName: string): Value;
  /**
   * Rows of an embedding table, a parameter [rows, columns], as the batch tensor `rows` [n] numbers them: [n, columns]. They are
   * looked up outside the graph, which so never sees the table.
   */
  lookUp(localName: string, rows: string): Value;
  /** A tensor of the batch, as the model's `inputTypes` or the objective declares it. */
  batchInput(name: string): Value;
  /** Dropout while training, x itself otherwise. */
  dropout(x: Value, rate: number): Value;
  /** What an adapter makes of a linear layer's output, given the layer's local name and its input. */
  adapt?(layer: string, x: Value, output: Value): Value;
}

export interface Stage {
  readonly name: string;
  /** Stages of the same kind build the same function. */
  readonly kind: string;
  /** Checkpoint names by local name. */
  readonly parameters: ReadonlyMap<string, string>;
  build(context: StageContext): Value;
}

/** What stands on top of the encoder: a class or a number for the whole text, or a token for each masked place. */
export type Head =
  | { readonly kind: "sequence-classification"; readonly labels: number }
  | { readonly kind: "masked-lm" };

export interface Model {
  /** As in `config.architectures`, "BertForSequenceClassification" for instance. */
  readonly architecture: string;
  /** The name of the base model inside checkpoints, "bert"; base checkpoints leave it out. */
  readonly basePrefix: string;
  readonly head: Head;
  readonly vocabularySize: number;
  readonly maximumLength: number;
  readonly parameters: readonly ParameterSpecification[];
  readonly stages: readonly Stage[];
  /** Checkpoint tensors that repeat another (tied weights) and are therefore neither read nor written. */
  readonly tiedNames: readonly string[];
  inputTypes(shape: BatchShape): ReadonlyMap<string, TensorType>;
  inputs(batch: TokenBatch): ReadonlyMap<string, TensorData>;
}

/** A head's parameters and its stage, the last of a model. */
export interface HeadParts {
  readonly parameters: readonly ParameterSpecification[];
  readonly stage: Stage;
}

/** Parameters of a linear layer: weight [outputs, inputs] and bias [outputs]. */
export function linearParameters(
  name: string,
  inputs: number,
  outputs: number,
  standardDeviation: number,
  isHead = false,
): ParameterSpecification[] {
  return [
    {
      name: `${name}.weight`,
      shape: [outputs, inputs],
      role: isHead ? "head" : "weight",
      initialisation: { kind: "normal", standardDeviation },
    },
    {
      name: `${name}.bias`,
      shape: [outputs],
      role: isHead ? "head" : "bias",
      initialisation: { kind: "constant", value: 0 },
    },
  ];
}

/** Parameters of a layer normalisation. */
export function normalisationParameters(name: string, size: number): ParameterSpecification[] {
  return [
    { name: `${name}.weight`, shape: [size], role: "normalisation", initialisation: { kind: "constant", value: 1 } },
    { name: `${name}.bias`, shape: [size], role: "normalisation", initialisation: { kind: "constant", value: 0 } },
  ];
}

/** An embedding table [rows, columns]. */
export function embeddingParameter(
  name: string,
  rows: number,
  columns: number,
  standardDeviation: number,
): ParameterSpecification {
  return {
    name: `${name}.weight`,
    shape: [rows, columns],
    role: "embedding",
    initialisation: { kind: "normal", standardDeviation },
  };
}

/** Local to checkpoint names for layers that have a weight and a bias. */
export function layerNames(layers: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(layers).flatMap(([local, name]) => [
      [`${local}.weight`, `${name}.weight`],
      [`${local}.bias`, `${name}.bias`],
    ]),
  );
}
