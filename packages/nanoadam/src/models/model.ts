/**
 * A model is a backbone of stages with a head on it. A stage is a pure function, written as a graph over named tensors: the
 * hidden state of the stage before, the batch's tensors, and its parameters. Parameters have local names inside a stage
 * ("query.weight") and checkpoint names outside ("bert.encoder.layer.3.attention.self.query.weight"), so that all layers
 * share one function. How a parameter is stored, and whether an adapter stands on it, is no concern of a model file.
 */
import type { Value } from "@nanoadam/engine";
import type { Batch } from "../data/batch.js";
import { InputError } from "../errors.js";
import type { GraphBatch } from "./graph-batch.js";
import type { BufferSpecification, LocalBuffers, LocalParameters, ParameterSpecification } from "./parameters.js";

/** What a stage's function may use while it is being built. */
export interface StageContext {
  /** Whether the graph is for training: what depends on the batch's statistics takes fixed ones in evaluation. */
  readonly mode: "train" | "evaluate";
  /** The output of the stage before; for all stages but the first. */
  hidden(): Value;
  /** A tensor of the batch. */
  input(name: string): Value;
  /** A parameter by its local name. */
  parameter(localName: string): Value;
  /**
   * Rows of an embedding table, a parameter [rows, columns], as the n entries of the batch tensor `indices` number them:
   * [n, columns]. They are gathered outside the graph, so the graph never holds the table.
   */
  rows(localName: string, indices: string): Value;
  /** The linear layer of a local name, x Wᵀ + b, without b where the stage has none, and with the adapter it may have. */
  linear(localName: string, x: Value): Value;
  /** Dropout while training, x itself otherwise. */
  dropout(x: Value, rate: number): Value;
  /** A buffer by its local name, as it was before this pass. */
  buffer(localName: string): Value;
  /** Gives a buffer another value after each pass of training. */
  update(localName: string, value: Value): void;
  /**
   * Keys or values [texts, heads, tokens, size] that later tokens need: while text is generated, those of the tokens before
   * with x behind them along the third axis; x itself otherwise.
   */
  cached(name: string, x: Value): Value;
}

/** Builds a stage's output. One object for all stages that compute the same: by it, compiled functions are shared. */
export type Block = (context: StageContext) => Value;

export interface Stage {
  readonly name: string;
  readonly block: Block;
  readonly parameters: LocalParameters;
  /**
   * Local names of the parameters of which each row makes one column of the output, of a head over a vocabulary: some of their
   * rows make some of the columns. Columns depend on all of every other parameter.
   */
  readonly columnParameters?: readonly string[];
  readonly buffers?: LocalBuffers;
}

/** What a model of texts takes in. */
export interface TextInput {
  readonly kind: "text";
  readonly vocabularySize: number;
  /** Tokens of a text at most. */
  readonly maximumLength: number;
}

/** What a model of images takes in: images of this size, unless it was told another. */
export interface ImageInput {
  readonly kind: "image";
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** What a model takes in. */
export type ModelInput = TextInput | ImageInput;

/**
 * What a model of texts takes in.
 * @param what messages say of it
 * @throws InputError for a model of images
 */
export function requireTexts(input: ModelInput, what: string): TextInput {
  if (input.kind === "text") return input;
  throw new InputError(`${what} takes in images, expected a model of texts`);
}

/** Which tokens a network was made to predict: those that are hidden, or the one that follows. */
export type PredictedTokens = "masked" | "next";

/** What a head is for: numbers for each example, numbers for each position, or a token for each predicted position. */
export type HeadSpecification =
  | { readonly kind: "outputs"; readonly per: "example" | "position"; readonly outputs: number }
  | { readonly kind: "language-model"; readonly predicts: PredictedTokens };

/** What stands on a backbone; several may stand on one. Rows are judged one by one. */
export interface Head {
  /** As in `config.architectures`, "BertForSequenceClassification" for instance. */
  readonly architecture: string;
  /** The rows [n, hidden] to judge: the first token's, all positions', the predicted positions'. */
  readonly pool: Block;
  /** What rows go through before the last stage, over a vocabulary. */
  readonly transform?: Stage;
  /** Rows to logits [n, outputs]. */
  readonly stage: Stage;
  /** Checkpoint tensors that repeat another (tied weights) and are therefore neither read nor written. */
  readonly tiedNames?: readonly string[];
}

/** A name under which a checkpoint may have a tensor, alone or with others in one tensor. */
export interface OtherName {
  readonly name: string;
  /** Which of so many equal parts, one after another along the first axis; the whole where it is absent. */
  readonly part?: { readonly index: number; readonly of: number };
}

export interface Backbone {
  /** Its name inside checkpoints, "bert"; those of a backbone alone leave it out. */
  readonly name: string;
  readonly input: ModelInput;
  /** The next token where each is computed from those before it alone; masked ones where that is absent. */
  readonly predicts?: PredictedTokens;
  readonly stages: readonly Stage[];
  /** The layers that PEFT adapts where none are named, by the endings of their names. */
  readonly adapterTargets: readonly string[];
  /** The batch with what this architecture makes of it: positions, for instance. */
  extend?(batch: Batch): Batch;
  /** Other names that checkpoints have for a parameter or buffer, the likeliest first. */
  otherNames?(name: string): readonly OtherName[];
  /** The same inside a graph, for models that take in nothing but texts; absent where there is no such form. */
  extendGraph?(batch: GraphBatch): GraphBatch;
  /** @throws InputError for a head that the architecture does not have. */
  head(specification: HeadSpecification): Head;
}

/** An adapter's settings, as far as its layers' outputs depend on them. */
export interface AdapterScale {
  readonly rank: number;
  /** The adapter's output is scaled by `alpha / rank`, or with `useRslora` by `alpha / sqrt(rank)`. */
  readonly alpha: number;
  readonly useRslora?: boolean;
  /** Whether a layer's weight with the adapter's product has the length of each row trained apart from its direction (DoRA). */
  readonly useDora?: boolean;
  /** Dropout rate of what goes into the adapter. */
  readonly dropout: number;
}

/** A backbone with one head, ready to be given weights. */
export interface Model {
  readonly backbone: Backbone;
  readonly head: HeadSpecification;
  readonly architecture: string;
  readonly tiedNames: readonly string[];
  /** The backbone's stages, the head's pooling, and the head as the last one. */
  readonly stages: readonly Stage[];
  /** Every parameter once, in the order of the stages. */
  readonly parameters: readonly ParameterSpecification[];
  /** Every buffer once, in the order of the stages. */
  readonly buffers: readonly BufferSpecification[];
  /** Set where some layers have an adapter. */
  readonly adapter?: AdapterScale;
}

/**
 * A backbone with the head that a task needs.
 * @throws InputError for a head that the architecture does not have
 */
export function assembleModel(backbone: Backbone, specification: HeadSpecification): Model {
  const head = backbone.head(specification);
  const { architecture, tiedNames = [] } = head;
  const { predicts = "masked" } = backbone;
  if (specification.kind === "language-model" && specification.predicts !== predicts) {
    const [is, task] = predicts === "next" ? ["the next token", "causal-lm"] : ["masked tokens", "masked-lm"];
    throw new InputError(`config.json: a ${architecture} predicts ${is}, which is the \`task\` ${task}`);
  }
  const stages = [...backbone.stages, ...headStages(specification, head)];
  const [parameters, buffers] = [parametersOf(stages), buffersOf(stages)];
  return { backbone, head: specification, architecture, tiedNames, stages, parameters, buffers };
}

/** The head's stage with its pooling; over a vocabulary after it, so that a few of the columns may run at a time. */
function headStages(specification: HeadSpecification, { pool, transform, stage }: Head): Stage[] {
  if (specification.kind === "language-model") {
    const before = transform === undefined ? [] : [transform];
    return [{ name: "predicted", block: pool, parameters: {} }, ...before, stage];
  }
  return [
    {
      ...stage,
      block(context) {
        const rows = pool(context);
        return stage.block({ ...context, hidden: () => rows });
      },
    },
  ];
}

/** The parameters of some stages, each once. */
export function parametersOf(stages: readonly Stage[]): ParameterSpecification[] {
  const byName = new Map<string, ParameterSpecification>();
  for (const { parameters } of stages) {
    for (const parameter of Object.values(parameters)) {
      if (!byName.has(parameter.name)) byName.set(parameter.name, parameter);
    }
  }
  return [...byName.values()];
}

/** The buffers of some stages, each once. */
export function buffersOf(stages: readonly Stage[]): BufferSpecification[] {
  return stages.flatMap(({ buffers = {} }) => Object.values(buffers));
}
