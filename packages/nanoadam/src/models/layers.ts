/** Layers that architectures are made of, as functions over a stage's context. */
import {
  add,
  divide,
  gelu,
  geluTanh,
  layerNorm,
  matmul,
  reduceSum,
  relu,
  reshape,
  silu,
  takeIndex,
  toFloat32,
  type Value,
} from "@nanoadam/engine";
import type { Block, StageContext } from "./model.js";

/** `hidden_act` of a configuration. */
export const activations = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu,
  silu,
  swish: silu,
} as const;
export type Activation = keyof typeof activations;
export const activationNames = Object.keys(activations) as [Activation, ...Activation[]];

export interface NormalisationOptions {
  readonly epsilon: number;
  /** False for a normalisation without bias. */
  readonly bias?: boolean;
}

/** The layer normalisation of a local name, applied to x. */
export function normalise(
  context: StageContext,
  localName: string,
  x: Value,
  { epsilon, bias = true }: NormalisationOptions,
): Value {
  const weight = context.parameter(`${localName}.weight`);
  return layerNorm(x, weight, bias ? context.parameter(`${localName}.bias`) : undefined, epsilon);
}

/** Texts and tokens of each, padding included; where keys and values are cached, only those that are new. */
export function textShape(context: StageContext): readonly [texts: number, length: number] {
  const [texts = 0, length = 0] = context.input("input_ids").type.shape;
  return [texts, length];
}

/**
 * A block that gives the sum of embedding rows, normalised as `LayerNorm`: `tables` maps a table's local name to the batch
 * tensor of its rows.
 */
export function embeddings(
  tables: Readonly<Record<string, string>>,
  { dropout, ...normalisation }: NormalisationOptions & { readonly dropout: number },
): Block {
  return (context) => {
    const rows = Object.entries(tables).map(([table, indices]) => context.rows(`${table}.weight`, indices));
    return context.dropout(normalise(context, "LayerNorm", rows.reduce(add), normalisation), dropout);
  };
}

/** The rows of a head that judges each text by its first token: [texts, hidden]. */
export const firstToken: Block = (context) => {
  const x = context.hidden();
  const [texts, length] = textShape(context);
  return takeIndex(reshape(x, [texts, length, x.type.shape[1] ?? 0]), 1, 0);
};

/** The rows of a head that judges each text by the mean of its tokens: [texts, hidden]. */
export const meanOfTokens: Block = (context) => {
  const x = context.hidden();
  const [texts, length] = textShape(context);
  const hidden = x.type.shape[1] ?? 0;
  const mask = toFloat32(context.input("attention_mask"));
  const share = reshape(divide(mask, reduceSum(mask, [1])), [texts, 1, length]);
  return reshape(matmul(share, reshape(x, [texts, length, hidden])), [texts, hidden]);
};

/** The rows of a head that judges every position: [texts * length, hidden]. */
export const everyToken: Block = (context) => context.hidden();
