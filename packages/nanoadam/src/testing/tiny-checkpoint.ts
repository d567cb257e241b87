/**
 * Tiny Hugging Face folders with seeded random weights, in every form that real ones come in. Names and shapes are
 * written down here once more, as transformers has them, and not taken from the product's model files.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RawTensor, rawTensor, writeTensors } from "./tensors.js";
import { bytePairFiles, wordPieceFiles } from "./tiny-tokenizer.js";

export const tinyArchitectures = ["bert", "roberta", "distilbert"] as const;
export type TinyArchitecture = (typeof tinyArchitectures)[number];

export interface TinyCheckpointOptions {
  readonly architecture?: TinyArchitecture;
  /** "none": the encoder alone, with its prefix; "bare": the base model's own file, without prefix. */
  readonly head?: "none" | "bare" | "masked-lm" | { readonly labels: number };
  /** LayerNorm.gamma and LayerNorm.beta, as the first BERT checkpoints have them. */
  readonly oldNames?: boolean;
  readonly dtype?: "F32" | "BF16";
  /** Weights in two files with an index. */
  readonly sharded?: boolean;
  /** Rows of the word embeddings, 48 unless told; the tokenizers have about forty tokens. */
  readonly vocabularySize?: number;
  readonly seed?: number;
  /** Replaces fields of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Spoils or replaces tensors before they are written. */
  readonly change?: (tensors: Map<string, RawTensor>) => void;
}

const hidden = 16;
const intermediate = 32;
const layers = 2;
const heads = 2;
/** The texts' positions; RoBERTa's table has two more. */
export const tinyPositions = 40;

type Shapes = [name: string, shape: number[]][];

const linear = (name: string, outputs: number, inputs: number): Shapes => [
  [`${name}.weight`, [outputs, inputs]],
  [`${name}.bias`, [outputs]],
];
const norm = (name: string): Shapes => [
  [`${name}.weight`, [hidden]],
  [`${name}.bias`, [hidden]],
];

function bertEncoder(vocabulary: number, positions: number, types: number): Shapes {
  return [
    ["embeddings.word_embeddings.weight", [vocabulary, hidden]],
    ["embeddings.position_embeddings.weight", [positions, hidden]],
    ["embeddings.token_type_embeddings.weight", [types, hidden]],
    ...norm("embeddings.LayerNorm"),
    ...Array.from({ length: layers }, (_, layer): Shapes => {
      const base = `encoder.layer.${layer}`;
      return [
        ...["query", "key", "value"].flatMap((name) => linear(`${base}.attention.self.${name}`, hidden, hidden)),
        ...linear(`${base}.attention.output.dense`, hidden, hidden),
        ...norm(`${base}.attention.output.LayerNorm`),
        ...linear(`${base}.intermediate.dense`, intermediate, hidden),
        ...linear(`${base}.output.dense`, hidden, intermediate),
        ...norm(`${base}.output.LayerNorm`),
      ];
    }).flat(),
  ];
}

function distilbertEncoder(vocabulary: number): Shapes {
  return [
    ["embeddings.word_embeddings.weight", [vocabulary, hidden]],
    ["embeddings.position_embeddings.weight", [tinyPositions, hidden]],
    ...norm("embeddings.LayerNorm"),
    ...Array.from({ length: layers }, (_, layer): Shapes => {
      const base = `transformer.layer.${layer}`;
      return [
        ...["q_lin", "k_lin", "v_lin", "out_lin"].flatMap((name) =>
          linear(`${base}.attention.${name}`, hidden, hidden),
        ),
        ...norm(`${base}.sa_layer_norm`),
        ...linear(`${base}.ffn.lin1`, intermediate, hidden),
        ...linear(`${base}.ffn.lin2`, hidden, intermediate),
        ...norm(`${base}.output_layer_norm`),
      ];
    }).flat(),
  ];
}

interface Anatomy {
  readonly encoder: Shapes;
  /** In the base model's file, and under the classification head only. */
  readonly pooler: Shapes;
  readonly maskedLm: Shapes;
  readonly classifier: (labels: number) => Shapes;
  readonly modelNames: { readonly base: string; readonly maskedLm: string; readonly classifier: string };
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizer: Readonly<Record<string, string>>;
}

function bertConfig(vocabulary: number): Record<string, unknown> {
  return {
    vocab_size: vocabulary,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: intermediate,
    hidden_act: "gelu",
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
  };
}

function anatomy(architecture: TinyArchitecture, vocabulary: number): Anatomy {
  switch (architecture) {
    case "bert":
      return {
        encoder: bertEncoder(vocabulary, tinyPositions, 2),
        pooler: linear("pooler.dense", hidden, hidden),
        maskedLm: [
          ...linear("cls.predictions.transform.dense", hidden, hidden),
          ...norm("cls.predictions.transform.LayerNorm"),
          ["cls.predictions.bias", [vocabulary]],
        ],
        classifier: (labels) => linear("classifier", labels, hidden),
        modelNames: { base: "BertModel", maskedLm: "BertForMaskedLM", classifier: "BertForSequenceClassification" },
        config: {
          ...bertConfig(vocabulary),
          model_type: "bert",
          max_position_embeddings: tinyPositions,
          type_vocab_size: 2,
          layer_norm_eps: 1e-12,
          pad_token_id: 0,
        },
        tokenizer: wordPieceFiles(),
      };
    case "roberta":
      return {
        encoder: bertEncoder(vocabulary, tinyPositions + 2, 1),
        pooler: [],
        maskedLm: [
          ...linear("lm_head.dense", hidden, hidden),
          ...norm("lm_head.layer_norm"),
          ["lm_head.bias", [vocabulary]],
        ],
        classifier: (labels) => [
          ...linear("classifier.dense", hidden, hidden),
          ...linear("classifier.out_proj", labels, hidden),
        ],
        modelNames: {
          base: "RobertaModel",
          maskedLm: "RobertaForMaskedLM",
          classifier: "RobertaForSequenceClassification",
        },
        config: {
          ...bertConfig(vocabulary),
          model_type: "roberta",
          max_position_embeddings: tinyPositions + 2,
          type_vocab_size: 1,
          layer_norm_eps: 1e-5,
          pad_token_id: 1,
        },
        tokenizer: bytePairFiles(),
      };
    case "distilbert":
      return {
        encoder: distilbertEncoder(vocabulary),
        pooler: [],
        maskedLm: [
          ...linear("vocab_transform", hidden, hidden),
          ...norm("vocab_layer_norm"),
          ["vocab_projector.bias", [vocabulary]],
        ],
        classifier: (labels) => [...linear("pre_classifier", hidden, hidden), ...linear("classifier", labels, hidden)],
        modelNames: {
          base: "DistilBertModel",
          maskedLm: "DistilBertForMaskedLM",
          classifier: "DistilBertForSequenceClassification",
        },
        config: {
          model_type: "distilbert",
          vocab_size: vocabulary,
          dim: hidden,
          n_layers: layers,
          n_heads: heads,
          hidden_dim: intermediate,
          max_position_embeddings: tinyPositions,
          activation: "gelu",
          dropout: 0.1,
          attention_dropout: 0.1,
          seq_classif_dropout: 0.2,
          pad_token_id: 0,
        },
        tokenizer: wordPieceFiles(),
      };
  }
}

/** Names and shapes of a checkpoint's tensors. */
export function tinyShapes({
  architecture = "bert",
  head = "none",
  vocabularySize = 48,
}: TinyCheckpointOptions): Shapes {
  const { encoder, pooler, maskedLm, classifier } = anatomy(architecture, vocabularySize);
  const prefixed = (shapes: Shapes): Shapes => shapes.map(([name, shape]) => [`${architecture}.${name}`, shape]);
  if (head === "bare") return [...encoder, ...pooler];
  if (head === "none") return prefixed([...encoder, ...pooler]);
  if (head === "masked-lm") return [...prefixed(encoder), ...maskedLm];
  return [...prefixed([...encoder, ...pooler]), ...classifier(head.labels)];
}

/** Writes a checkpoint folder and returns its path. */
export async function writeTinyCheckpoint(folder: string, options: TinyCheckpointOptions = {}): Promise<string> {
  const { architecture = "bert", head = "none", dtype = "F32", vocabularySize = 48, seed = 1 } = options;
  const { modelNames, config, tokenizer } = anatomy(architecture, vocabularySize);
  const random = seededNormal(seed);
  const tensors = new Map<string, RawTensor>();
  for (const [name, shape] of tinyShapes(options)) {
    const size = shape.reduce((product, side) => product * side, 1);
    const centre = /norm\.weight$/i.test(name) ? 1 : 0;
    const values = Float32Array.from({ length: size }, () => centre + 0.15 * random());
    tensors.set(options.oldNames === true ? oldName(name) : name, rawTensor(shape, values, dtype));
  }
  options.change?.(tensors);

  await mkdir(folder, { recursive: true });
  const name =
    typeof head === "object" ? modelNames.classifier : head === "masked-lm" ? modelNames.maskedLm : modelNames.base;
  const labels =
    typeof head === "object"
      ? {
          id2label: Object.fromEntries(Array.from({ length: head.labels }, (_, id) => [String(id), `LABEL_${id}`])),
          label2id: Object.fromEntries(Array.from({ length: head.labels }, (_, id) => [`LABEL_${id}`, id])),
        }
      : {};
  const json = { architectures: [name], ...config, ...labels, ...options.config };
  await writeFile(join(folder, "config.json"), JSON.stringify(json));
  for (const [file, content] of Object.entries(tokenizer)) await writeFile(join(folder, file), content);
  if (options.sharded === true) await writeShards(folder, tensors);
  else await writeTensors(join(folder, "model.safetensors"), tensors);
  return folder;
}

async function writeShards(folder: string, tensors: ReadonlyMap<string, RawTensor>): Promise<void> {
  const all = [...tensors];
  const middle = Math.ceil(all.length / 2);
  const weightMap: Record<string, string> = {};
  for (const [index, part] of [all.slice(0, middle), all.slice(middle)].entries()) {
    const file = `model-0000${index + 1}-of-00002.safetensors`;
    await writeTensors(join(folder, file), new Map(part));
    for (const [name] of part) weightMap[name] = file;
  }
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
}

function oldName(name: string): string {
  return name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
}

/** Standard normal numbers (the sum of twelve uniform ones), from a linear congruential generator. */
export function seededNormal(seed: number): () => number {
  const uniform = seededUniform(seed);
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}

/** Uniform numbers in [0, 1). */
export function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
