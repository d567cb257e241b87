/**
 * Decoders as Llama has them: pre-normalised layers of attention with rotary positions, whose keys may be shared by several
 * heads, and of gated feed-forward parts. What differs between Llama, Mistral, Qwen and Gemma is told by numbers and names.
 */
import { add, multiply, rmsNorm, rotary, scale, shift, type Value } from "@nanoadam/engine";
import { attend, paddingBias, splitHeads } from "./attention.js";
import { type DecoderHeadOptions, decoderHead } from "./decoder-heads.js";
import { type RotaryAttention, withDecoderInputs } from "./decoder-inputs.js";
import { decoderInputsInGraph } from "./decoder-inputs-in-graph.js";
import { type AttentionKind, attentionKinds } from "./layer-kinds.js";
import { type Activation, activations } from "./layers.js";
import type { Backbone, Block, Stage, StageContext } from "./model.js";
import { constantParameter, embeddingParameters, type LocalParameters, linearParameters } from "./parameters.js";

export interface DecoderOptions extends Pick<DecoderHeadOptions, "classNames" | "logitCap" | "tokenHead"> {
  readonly vocabulary: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly maximumLength: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
  readonly activation: Activation;
  readonly epsilon: number;
  readonly attentionDropout: number;
  readonly deviation: number;
  /** Whether the head over the vocabulary is the embedding table. */
  readonly isTied: boolean;
  /** Which linear layers have a bias. */
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** Names of the normalisations of what goes into a layer's two parts, and of what comes out where that is normalised too. */
  readonly norms: {
    readonly attention: string;
    readonly attentionOutput?: string;
    readonly feedForward: string;
    readonly feedForwardOutput?: string;
  };
  /** Whether queries and keys are normalised, each head for itself. */
  readonly normalisesHeads: boolean;
  /** What is added to the weights of normalisations: 1 where they are stored as the distance from it. */
  readonly normOffset: 0 | 1;
  /** The factor on embeddings. */
  readonly embeddingScale?: number;
  /** The factor on scores, where it is not 1 / sqrt(headSize). */
  readonly scoreScale?: number;
  /** The kind of each layer. */
  readonly layers: readonly AttentionKind[];
  /** Rotary positions and reach of the kinds that there are. */
  readonly attention: Readonly<Record<string, RotaryAttention>>;
}

export function decoder(options: DecoderOptions): Backbone {
  const { vocabulary, maximumLength, attention } = options;
  const embedding = embeddingParameters(
    "embed_tokens",
    "model.embed_tokens",
    [vocabulary, options.hidden],
    options.deviation,
  );
  return {
    name: "model",
    input: { kind: "text", vocabularySize: vocabulary, maximumLength },
    predicts: "next",
    stages: [embeddingStage(options, embedding), ...layerStages(options), finalStage(options)],
    adapterTargets: ["q_proj", "v_proj"],
    extend: (batch) => withDecoderInputs(batch, attention, options.headSize),
    extendGraph: (batch) => decoderInputsInGraph(batch, attention, options.headSize),
    head: (specification) => decoderHead(specification, { ...options, width: options.hidden, embedding }),
  };
}

function embeddingStage({ embeddingScale = 1 }: DecoderOptions, parameters: LocalParameters): Stage {
  return {
    name: "model.embed_tokens",
    parameters,
    block(context) {
      const rows = context.rows("embed_tokens.weight", "input_ids");
      return embeddingScale === 1 ? rows : scale(rows, embeddingScale);
    },
  };
}

/** A normalisation by the root mean square, whose weight starts where it changes nothing. */
function normParameters(local: string, name: string, size: number, { normOffset }: DecoderOptions): LocalParameters {
  return { [`${local}.weight`]: constantParameter(`${name}.weight`, [size], "normalisation", 1 - normOffset) };
}

function normalised(context: StageContext, local: string, x: Value, { epsilon, normOffset }: DecoderOptions): Value {
  const weight = context.parameter(`${local}.weight`);
  return rmsNorm(x, normOffset === 0 ? weight : shift(weight, normOffset), epsilon);
}

function layerStages(options: DecoderOptions): Stage[] {
  const { hidden, intermediate, heads, keyHeads, headSize, deviation, biases, norms } = options;
  const blocks = new Map(attentionKinds.map((kind) => [kind, layerBlock(options, kind)]));
  return options.layers.map((kind, layer): Stage => {
    const name = `model.layers.${layer}`;
    const norm = (local: string) => normParameters(local, `${name}.${local}`, hidden, options);
    const headNorm = (local: string) => normParameters(local, `${name}.self_attn.${local}`, headSize, options);
    const attention = (local: string, sizes: readonly [number, number], bias: boolean) =>
      linearParameters(local, `${name}.self_attn.${local}`, sizes, { deviation, bias });
    const feedForward = (local: string, sizes: readonly [number, number]) =>
      linearParameters(local, `${name}.mlp.${local}`, sizes, { deviation, bias: biases.feedForward });
    return {
      name,
      block: blocks.get(kind) as Block,
      parameters: {
        ...norm(norms.attention),
        ...attention("q_proj", [hidden, heads * headSize], biases.queryKeyValue),
        ...attention("k_proj", [hidden, keyHeads * headSize], biases.queryKeyValue),
        ...attention("v_proj", [hidden, keyHeads * headSize], biases.queryKeyValue),
        ...(options.normalisesHeads ? { ...headNorm("q_norm"), ...headNorm("k_norm") } : {}),
        ...attention("o_proj", [heads * headSize, hidden], biases.output),
        ...(norms.attentionOutput === undefined ? {} : norm(norms.attentionOutput)),
        ...norm(norms.feedForward),
        ...feedForward("gate_proj", [hidden, intermediate]),
        ...feedForward("up_proj", [hidden, intermediate]),
        ...feedForward("down_proj", [intermediate, hidden]),
        ...(norms.feedForwardOutput === undefined ? {} : norm(norms.feedForwardOutput)),
      },
    };
  });
}

function layerBlock(options: DecoderOptions, kind: AttentionKind): Block {
  const { heads, keyHeads, norms, activation, attentionDropout, scoreScale } = options;
  return (context) => {
    const norm = (local: string | undefined, x: Value) =>
      local === undefined ? x : normalised(context, local, x, options);
    const split = (local: string, x: Value, count: number) => splitHeads(context, context.linear(local, x), count);
    const headNorm = (local: string, x: Value) => (options.normalisesHeads ? norm(local, x) : x);
    const [cos, sin] = [context.input(`rope_cos.${kind}`), context.input(`rope_sin.${kind}`)];

    const x = context.hidden();
    const into = norm(norms.attention, x);
    const mixed = attend(context, {
      query: rotary(headNorm("q_norm", split("q_proj", into, heads)), cos, sin),
      key: context.cached("key", rotary(headNorm("k_norm", split("k_proj", into, keyHeads)), cos, sin)),
      value: context.cached("value", split("v_proj", into, keyHeads)),
      bias: add(paddingBias(context), context.input(`reach_bias.${kind}`)),
      dropout: attentionDropout,
      scoreScale,
    });
    const attended = add(x, norm(norms.attentionOutput, context.linear("o_proj", mixed)));
    const further = norm(norms.feedForward, attended);
    const gate = activations[activation](context.linear("gate_proj", further));
    const expanded = multiply(gate, context.linear("up_proj", further));
    return add(attended, norm(norms.feedForwardOutput, context.linear("down_proj", expanded)));
  };
}

function finalStage(options: DecoderOptions): Stage {
  return {
    name: "model.norm",
    parameters: normParameters("norm", "model.norm", options.hidden, options),
    block: (context) => normalised(context, "norm", context.hidden(), options),
  };
}
