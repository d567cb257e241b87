/** Layers that architectures are made of, as functions over a stage's context. */
import { add, gelu, geluTanh, layerNorm, relu, reshape, takeIndex, type Value } from "@nanoadam/engine";
import type { Block, StageContext } from "./model.js";

/** `hidden_act` of a configuration. */
export const activations = { gelu, gelu_new: geluTanh, gelu_pytorch_tanh: geluTanh, relu } as const;
export type Activation = keyof typeof activations;
export const activationNames = Object.keys(activations) as [Activation, ...Activation[]];

/** The layer normalisation of a local name, applied to x. */
export function normalise(context: StageContext, localName: string, x: Value, epsilon: number): Value {
  return layerNorm(x, context.parameter(`${localName}.weight`), context.parameter(`${localName}.bias`), epsilon);
}

/** Texts and tokens of each, padding included. */
export function textShape(context: StageContext): readonly [texts: number, length: number] {
  const [texts = 0, length = 0] = context.input("attention_mask").type.shape;
  return [texts, length];
}

/** A block that gives the sum of embedding rows, normalised: `tables` maps a table's local name to the batch tensor of its rows. */
export function embeddings(
  tables: Readonly<Record<string, string>>,
  { epsilon, dropout }: { readonly epsilon: number; readonly dropout: number },
): Block {
  return (context) => {
    const rows = Object.entries(tables).map(([table, indices]) => context.rows(`${table}.weight`, indices));
    return context.dropout(normalise(context, "LayerNorm", rows.reduce(add), epsilon), dropout);
  };
}

/** The rows of a head that judges each text by its first token: [texts, hidden]. */
export const firstToken: Block = (context) => {
  const x = context.hidden();
  const [texts, length] = textShape(context);
  return takeIndex(reshape(x, [texts, length, x.type.shape[1] ?? 0]), 1, 0);
};

/** The rows of a head that judges every position: [texts * length, hidden]. */
export const everyToken: Block = (context) => context.hidden();
