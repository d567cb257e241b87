/** The data sets on which variations of NanoAdam are measured: of different kinds, short to learn, with many rows to measure. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FinetuneInput } from "nanoadam";
import { flowerTables } from "../flower-tables.js";

export interface QualityTask {
  readonly name: string;
  /** In a sentence, for the page. */
  readonly description: string;
  /** The rates that NanoAdam and AdamW are tried at. */
  readonly rates: { readonly nanoadam: readonly number[]; readonly adamw: readonly number[] };
  /** The best of them, as the runs at all rates had it; the variations of NanoAdam run at its own. */
  readonly best: { readonly nanoadam: number; readonly adamw: number };
  /** All options of a run but the optimizer, its rate, the seed and the output; writes the files that they name. */
  input(place: Place): Omit<FinetuneInput, "output">;
}

export interface Place {
  /** The folder with `data`. */
  readonly shared: string;
  /** Where files are written that the runs read. */
  readonly out: string;
}

const demo = fileURLToPath(new URL("../../../packages/nanoadam/assets/demo/", import.meta.url));
const brief = { evalEvery: 1_000_000, threads: 1 };

export const qualityTasks: readonly QualityTask[] = [
  {
    name: "messages",
    description:
      "the demo's messages and encoder: 518 rows, drawn by the seed, 80 steps in batches of 16; the other 778 are measured",
    rates: { nanoadam: [2e-3, 4e-3, 8e-3], adamw: [2.5e-4, 5e-4, 1e-3] },
    best: { nanoadam: 4e-3, adamw: 5e-4 },
    input: () => ({
      ...{ model: join(demo, "encoder"), train: join(demo, "messages.tsv"), text: "text", label: "intent" },
      ...{ evalShare: 0.6, batchSize: 16, steps: 80, ...brief },
    }),
  },
  {
    name: "SST-2",
    description:
      "the demo's encoder on phrases of SST-2: the first 1,280 of the training file, 80 steps in batches of 16; its last 1,200 are measured",
    rates: { nanoadam: [2e-3, 4e-3, 8e-3], adamw: [2.5e-4, 5e-4, 1e-3] },
    best: { nanoadam: 4e-3, adamw: 5e-4 },
    input: (place) => ({
      ...{ model: join(demo, "encoder"), ...phraseTables(place), text: "sentence", label: "label" },
      ...{ maxLength: 32, batchSize: 16, steps: 80, ...brief },
    }),
  },
  {
    name: "flowers",
    description:
      "cifar-resnet20 on five kinds of flowers at 32 x 32 pixels: 300 images, 80 steps in batches of 16; 250 others are measured",
    rates: { nanoadam: [3e-3, 1e-2, 3e-2], adamw: [3e-4, 1e-3, 3e-3] },
    best: { nanoadam: 3e-2, adamw: 3e-3 },
    input: ({ shared, out }) => ({
      model: join(shared, "data/models/cifar-resnet20"),
      ...flowerTables(join(shared, "data/flowers5/flowers"), out, { learnedOfClass: 60, measuredOfClass: 50 }),
      ...{ batchSize: 16, steps: 80, ...brief },
    }),
  },
  {
    name: "questions",
    description:
      "stories260K on ARC-Easy: 400 questions with answers as plain text, 100 steps in batches of 4, at most 96 tokens; 150 others are measured",
    rates: { nanoadam: [5e-3, 1e-2, 2e-2], adamw: [5e-4, 1e-3, 3e-3] },
    best: { nanoadam: 1e-2, adamw: 1e-3 },
    input: (place) => ({
      ...{ model: join(place.shared, "data/models/stories260K"), ...questionTables(place) },
      ...{ text: "text", task: "causal-lm", maxLength: 96, batchSize: 4, steps: 100, ...brief },
    }),
  },
];

/** The validation set of SST-2 has 872 rows, too few to tell a point; its training file has 67,349, mostly parts of sentences. */
function phraseTables({ shared, out }: Place): { readonly train: string; readonly eval: string } {
  const lines = readFileSync(join(shared, "data/glue/sst2/train.tsv"), "utf8").trimEnd().split("\n");
  const [heading = "", ...rows] = lines;
  const table = (name: string, chosen: readonly string[]) => write(out, name, [heading, ...chosen]);
  return { train: table("sst2-train.tsv", rows.slice(0, 1280)), eval: table("sst2-test.tsv", rows.slice(-1200)) };
}

interface Question {
  readonly instruction: string;
  readonly output: string;
}

function questionTables({ shared, out }: Place): { readonly train: string; readonly eval: string } {
  const table = (split: "train" | "test", count: number) => {
    const file = join(shared, "data/commonsense/ARC-Easy", `${split}.json`);
    const questions = JSON.parse(readFileSync(file, "utf8")) as Question[];
    const texts = questions.slice(0, count).map(({ instruction, output }) => `${instruction}\n\n${output}`);
    return write(
      out,
      `questions-${split}.jsonl`,
      texts.map((text) => JSON.stringify({ text })),
    );
  };
  return { train: table("train", 400), eval: table("test", 150) };
}

/** @returns the path of the file */
function write(out: string, name: string, lines: readonly string[]): string {
  mkdirSync(out, { recursive: true });
  const path = join(out, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}
