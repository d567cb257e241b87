/**
 * What fine-tuning forgets. A Llama that tells stories (`stories260K`) is trained on questions and answers of the `commonsense`
 * data by NanoAdam and by AdamW, each at three rates and with three seeds: the loss on held-out questions before and after, and
 * that on stories which the checkpoint itself told before.
 *
 *     node bench/dist/stories/main.js [--shared ../shared] [--out runs/stories]
 *
 * The rows are in `OUT/runs.jsonl`, one a run, which a repeated call does not run again.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { evaluate, finetune } from "nanoadam";
import { sampleStories } from "./story-teller.js";

interface Run {
  readonly optimizer: "nanoadam" | "adamw";
  readonly learningRate: number;
  readonly seed: number;
}

interface RunRow extends Run {
  /** Held-out loss of questions and of stories. */
  readonly before: Losses;
  readonly after: Losses;
  readonly seconds: number;
}

interface Losses {
  readonly questions: number;
  readonly stories: number;
}

const { values: flags } = parseArgs({
  options: { shared: { type: "string", default: "../shared" }, out: { type: "string", default: "runs/stories" } },
});
const model = join(flags.shared, "data/models/stories260K");
const tasks = ["boolq", "openbookqa", "ARC-Easy", "ARC-Challenge"];
const [trainedOfTask, heldOfTask] = [300, 50];
const storyCount = 200;
const rates = { nanoadam: [3e-3, 1e-2, 3e-2], adamw: [1e-3, 3e-3, 1e-2] };
const seeds = [1, 2, 3];

interface Example {
  readonly instruction: string;
  readonly output: string;
}

/** A file of the first examples of every task, as plain texts. */
function writeQuestions(file: string, split: "train" | "test", ofTask: number): void {
  const lines = tasks.flatMap((task) => {
    const path = join(flags.shared, "data/commonsense", task, `${split}.json`);
    const examples = JSON.parse(readFileSync(path, "utf8")) as Example[];
    return examples.slice(0, ofTask).map(({ instruction, output }) => ({ text: `${instruction}\n\n${output}` }));
  });
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

mkdirSync(flags.out, { recursive: true });
const file = (name: string) => join(flags.out, name);
const [train, questions, stories, ledger] = ["train.jsonl", "held.jsonl", "stories.jsonl", "runs.jsonl"].map(file);
if (train === undefined || questions === undefined || stories === undefined || ledger === undefined) throw new Error();
writeQuestions(train, "train", trainedOfTask);
writeQuestions(questions, "test", heldOfTask);
if (!existsSync(stories)) {
  const told = await sampleStories(model, { count: storyCount, mostTokens: 250, seed: 1 });
  writeFileSync(stories, told.map((text) => `${JSON.stringify({ text })}\n`).join(""));
}

const lossOf = async (folder: string, data: string) =>
  (await evaluate({ model: folder, data, text: "text", maxLength: 256, threads: 1 })).evaluation.loss;

const done: RunRow[] = existsSync(ledger)
  ? readFileSync(ledger, "utf8")
      .trim()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RunRow)
  : [];
const before = { questions: await lossOf(model, questions), stories: await lossOf(model, stories) };
for (const seed of seeds) {
  for (const optimizer of ["nanoadam", "adamw"] as const) {
    for (const learningRate of rates[optimizer]) {
      if (done.some((row) => row.optimizer === optimizer && row.learningRate === learningRate && row.seed === seed))
        continue;
      const output = file("model");
      rmSync(output, { recursive: true, force: true });
      const started = performance.now();
      const { evaluation } = await finetune({
        ...{ model, train, eval: questions, text: "text", task: "causal-lm", output, optimizer, learningRate, seed },
        ...{ epochs: 1, batchSize: 16, maxLength: 256, evalEvery: 1_000_000, threads: 1 },
      });
      const seconds = (performance.now() - started) / 1000;
      const after = { questions: evaluation.final.loss, stories: await lossOf(output, stories) };
      const row: RunRow = { optimizer, learningRate, seed, before, after, seconds };
      appendFileSync(ledger, `${JSON.stringify(row)}\n`);
      console.log(JSON.stringify(row));
    }
  }
}
rmSync(file("model"), { recursive: true, force: true });
