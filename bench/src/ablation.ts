/**
 * What the paper leaves open, settled by measurement: moments at a refresh, bias correction, chunk size, and biases selected
 * or updated whole. Each variant differs from the first in one option; each is run at several rates and seeds on several
 * data sets, and stands with the rate whose mean over the seeds is best.
 *
 *     node bench/dist/ablation.js --model DIR --data DIR [--tasks sst2,imdb] [--jobs 2] [--results runs/ablation]
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deviation, mean, type Run, RunFolder } from "./runs.js";
import { sweepFlags } from "./sweep-flags.js";

const flags = sweepFlags({ data: "../shared/data", tasks: "sst2,imdb,messages", results: "runs/ablation" });

const demo = fileURLToPath(new URL("../../packages/nanoadam/assets/demo/", import.meta.url));

/** Data sets by name, each with the rates that its variants are tried at. */
const tasks: Readonly<Record<string, { readonly flags: readonly string[]; readonly rates: readonly number[] }>> = {
  sst2: {
    flags: [
      ...["--model", flags.model, "--text", "sentence", "--label", "label", "--epochs", "2", "--limit-train", "4000"],
      ...["--train", join(flags.data, "glue/sst2/train.tsv"), "--eval", join(flags.data, "glue/sst2/validation.tsv")],
    ],
    rates: [2e-3, 4e-3],
  },
  imdb: {
    flags: [
      ...["--model", flags.model, "--text", "text", "--label", "label", "--epochs", "2", "--max-length", "64"],
      ...["--train", join(flags.data, "imdb/train.jsonl"), "--eval", join(flags.data, "imdb/test.jsonl")],
    ],
    rates: [2e-3, 4e-3],
  },
  messages: {
    flags: [
      ...["--model", join(demo, "encoder"), "--train", join(demo, "messages.tsv"), "--text", "text"],
      ...["--label", "intent", "--eval-share", "0.25", "--epochs", "10", "--batch-size", "16"],
      ...["--save-dtype", "float32"],
    ],
    rates: [4e-3, 8e-3],
  },
};

const byEntry = ["--bias-correction", "entry"];
const variants: Readonly<Record<string, readonly string[]>> = {
  "moments carried, correction by entry, chunks of 32,768, biases selected": byEntry,
  "moments reset at a refresh": [...byEntry, "--state-on-refresh", "reset"],
  "correction by the step": ["--bias-correction", "global"],
  "no correction": ["--bias-correction", "none"],
  "chunks of 4,096": [...byEntry, "--chunk-size", "4096"],
  "biases updated whole": [...byEntry, "--biases", "dense"],
};
const seeds = [0, 1, 2];

const folder = new RunFolder(flags.results, Number(flags.jobs));
const runName = (task: string, variant: number, rate: number, seed: number) => `${task}-${variant}-${rate}-${seed}`;
const accuracy = (name: string) => 100 * (folder.summary(name).evaluation.final.accuracy ?? Number.NaN);

const names = flags.tasks.split(",");
const runs = seeds.flatMap((seed) =>
  names.flatMap((task) =>
    Object.values(variants).flatMap((options, variant) =>
      (tasks[task]?.rates ?? []).map(
        (rate): Run => ({
          name: runName(task, variant, rate, seed),
          flags: [
            ...(tasks[task]?.flags ?? []),
            ...["--learning-rate", String(rate), "--seed", String(seed), "--eval-every", "1000000"],
            ...options,
          ],
        }),
      ),
    ),
  ),
);
await folder.perform(runs, (name) => `${name}: ${accuracy(name).toFixed(2)}`);

const rows = Object.keys(variants).map((variant, index) => {
  const cells = names.map((task) => {
    const scored = (tasks[task]?.rates ?? []).map((rate) => {
      const values = seeds.map((seed) => accuracy(runName(task, index, rate, seed)));
      return { rate, values };
    });
    const { rate, values } = scored.reduce((best, next) => (mean(next.values) > mean(best.values) ? next : best));
    return { text: `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)} (${rate})`, value: mean(values) };
  });
  return `| ${variant} | ${cells.map(({ text }) => text).join(" | ")} | ${mean(cells.map(({ value }) => value)).toFixed(2)} |`;
});
const table = [
  `| variant | ${names.map((name) => `${name}, accuracy (rate)`).join(" | ")} | mean |`,
  `|---|${names.map(() => "---|").join("")}---|`,
  ...rows,
  "",
].join("\n");
writeFileSync(folder.path("table.md"), table);
console.log(table);
