/** Every reader of something that people bring, as a function of text or JSON, with whole examples of what it reads. */
import { describeAdapter } from "../../checkpoint/adapter-config.js";
import { parseSafetensorsHeader } from "../../checkpoint/safetensors.js";
import { messagesOf } from "../../data/conversations.js";
import { textSource } from "../../data/source.js";
import { parseTable } from "../../data/tables/parse-table.js";
import { createChatTemplate } from "../../data/text/chat-template.js";
import { textEncoder } from "../../data/text/encoder.js";
import { createTextTokenizer } from "../../data/text/tokenizer.js";
import { defineBackbone } from "../../models/architectures.js";
import { assembleModel } from "../../models/model.js";
import { finetuneSchema } from "../../options/finetune-options.js";
import { parseOptionFile } from "../../options/option-files.js";
import { textFiles } from "../../tasks/model-files.js";
import { taskKind, taskNames, taskOfConfig, taskOfData } from "../../tasks/registry.js";
import { bytePairFiles, unigramFiles, wordPieceFiles } from "../tiny-tokenizer.js";
import type { Json } from "./mutate.js";

export interface FuzzedReader {
  readonly name: string;
  /** Whole texts, or values that become JSON. */
  readonly seeds: readonly (string | { readonly json: Json })[];
  /** Reads one; refuses with InputError. */
  read(content: string): unknown;
}

const rows = [
  { sentence: "a good film", label: "good", score: 1.5 },
  { sentence: 'a "bad", film', label: "bad", score: -1 },
];
const delimited = (by: string) =>
  `sentence${by}label${by}score\n${rows.map((row) => [`"${row.sentence.replaceAll('"', '""')}"`, row.label, row.score].join(by)).join("\n")}\n`;

/** Images are read from folders and bytes. */
const textTasks = taskNames.filter((name) => taskKind(name).takes !== "images");

const tables: readonly (readonly [string, readonly string[]])[] = [
  [".csv", [delimited(","), delimited(";")]],
  [".tsv", [delimited("\t")]],
  [".jsonl", [rows.map((row) => JSON.stringify(row)).join("\n")]],
  [".json", [JSON.stringify(rows), JSON.stringify({ data: rows })]],
  [".txt", ["a good film\na bad film\n"]],
];

const bertConfig: Json = {
  model_type: "bert",
  architectures: ["BertForSequenceClassification"],
  vocab_size: 40,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 40,
  type_vocab_size: 2,
  hidden_act: "gelu",
  layer_norm_eps: 1e-12,
  id2label: { 0: "bad", 1: "good" },
  label2id: { bad: 0, good: 1 },
  pad_token_id: 0,
};
const configs: readonly Json[] = ["bert", "roberta", "distilbert", "electra", "modernbert", "deberta-v2"].map(
  (type) => ({
    ...bertConfig,
    model_type: type,
    ...(type === "distilbert"
      ? { dim: 16, n_layers: 2, n_heads: 2, hidden_dim: 32 }
      : { embedding_size: 16, relative_attention: true, pos_att_type: ["c2p", "p2c"], position_buckets: 4 }),
  }),
);

function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function tokenizerOf(tokenizer: Record<string, unknown>, config: Record<string, unknown>) {
  return createTextTokenizer({
    file: "tokenizer.json",
    configFile: "tokenizer_config.json",
    tokenizer,
    config,
    specialTokens: {},
    paths: [],
  });
}

function encodeSome(tokenizer: ReturnType<typeof tokenizerOf>): void {
  for (const text of ["a good film", "", "\u00e9\ud800 \u4e2d", "unknownword"]) tokenizer.encode(text, undefined, 16);
  tokenizer.encode("good", "bad film", 16);
}

const header: Json = {
  __metadata__: { format: "pt" },
  "a.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  "b.bias": { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
};

const adapterConfig: Json = {
  peft_type: "LORA",
  base_model_name_or_path: "base",
  r: 2,
  lora_alpha: 4,
  target_modules: ["query", "value"],
  rank_pattern: { "layer.0": 4 },
  alpha_pattern: {},
  modules_to_save: ["classifier"],
  bias: "none",
  task_type: "SEQ_CLS",
};

const yaml =
  "model: bert\ntrain: train.tsv\ntext: sentence\nlabel: label\nlearning-rate: 1e-3\nsteps: 10\nloraTargets: [query]\n";

const chat = [
  { role: "user", content: "is it good?" },
  { role: "assistant", content: "it is" },
];
const chatTemplates = [
  "{%- for m in messages -%}\n{{- '<' ~ m.role ~ '>' }}{% generation %}{{ m['content'] | trim }}{% endgeneration %}\n{% endfor %}",
  "{% set ns = namespace(n=0) %}{% for i in range(1, 9, 2) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ messages | tojson }}",
  "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% else %}{{ strftime_now('%d %b') }}{% endif %}{# end #}",
];

const tokenizers = [wordPieceFiles(), bytePairFiles(), unigramFiles()].map(
  (files) => parsed(files["tokenizer.json"] ?? "{}") as Json,
);

/** The readers that take a text. */
export const readers: readonly FuzzedReader[] = [
  ...tables.map(
    ([ending, seeds]): FuzzedReader => ({
      name: `table${ending}`,
      seeds,
      read: (content) => parseTable(content, `data${ending}`, {}),
    }),
  ),
  ...textTasks.map(
    (task): FuzzedReader => ({
      name: `data of ${task}`,
      seeds: [delimited(","), delimited("\t")],
      async read(content) {
        const tokenizer = tokenizerOf(parsed(wordPieceFiles()["tokenizer.json"] ?? ""), {});
        const source = { ...textSource(content, "data.csv", { text: ["sentence"] }), label: ["label"] };
        const text = textEncoder(tokenizer, 16);
        const config = parsed(JSON.stringify(bertConfig));
        const made = await taskOfData(taskKind(task), source, textFiles(text), { config });
        return made.read(source);
      },
    }),
  ),
  {
    name: "messages",
    seeds: [
      { json: chat },
      {
        json: [
          { from: "human", value: "hi" },
          { from: "gpt", value: "hello" },
        ],
      },
    ],
    read: (content) => messagesOf(content, "chats.jsonl, line 1"),
  },
  {
    name: "chat template",
    seeds: chatTemplates,
    read: (source) =>
      createChatTemplate({ source, file: "chat_template.jinja", specialTokens: { eos_token: "</s>" } }).renderMarked(
        chat,
      ),
  },
  {
    name: "safetensors header",
    seeds: [{ json: header }],
    read(content) {
      const json = new TextEncoder().encode(content);
      const bytes = new Uint8Array(8 + json.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
      bytes.set(json, 8);
      return parseSafetensorsHeader(bytes, bytes.length + 32, "model.safetensors");
    },
  },
  {
    name: "config.json",
    seeds: configs.map((json) => ({ json })),
    read(content) {
      const config = parsed(content);
      assembleModel(defineBackbone(config), { kind: "outputs", per: "example", outputs: 2 });
      const tokenizer = tokenizerOf(parsed(wordPieceFiles()["tokenizer.json"] ?? ""), {});
      return taskOfConfig(config, "config.json", textFiles(textEncoder(tokenizer, 16)));
    },
  },
  {
    name: "tokenizer.json",
    seeds: tokenizers.map((json) => ({ json })),
    read: (content) => encodeSome(tokenizerOf(parsed(content), {})),
  },
  {
    name: "tokenizer_config.json",
    seeds: [
      { json: { model_max_length: 512, pad_token: "[PAD]", do_lower_case: true, tokenizer_class: "BertTokenizer" } },
    ],
    read: (content) => encodeSome(tokenizerOf(parsed(wordPieceFiles()["tokenizer.json"] ?? ""), parsed(content))),
  },
  {
    name: "adapter_config.json",
    seeds: [{ json: adapterConfig }],
    read: (content) => describeAdapter("adapter_config.json", parsed(content)),
  },
  {
    name: "options in YAML",
    seeds: [yaml],
    read: (content) => parseOptionFile(content, "options.yaml", finetuneSchema),
  },
];
