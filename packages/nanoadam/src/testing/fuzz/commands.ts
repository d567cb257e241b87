/** Readers of what people and programs ask for: the command line, and options in process. */
import type { z } from "zod";
import { compareSchema } from "../../compare/options.js";
import { finetuneSchema } from "../../options/finetune-options.js";
import { parseOptions } from "../../options/parse-options.js";
import { evaluateSchema, predictSchema } from "../../options/saved-model-options.js";
import { runCli } from "../run-cli.js";
import type { FuzzedReader } from "./readers.js";

const circle: unknown[] = [];
circle.push(circle);

/** What JSON cannot hold, by texts that stand for it. */
const exotic: Readonly<Record<string, unknown>> = {
  "@bigint": 10n ** 30n,
  "@circle": circle,
  "@symbol": Symbol("option"),
  "@function": () => "@function",
  "@nan": Number.NaN,
  "@infinity": Number.POSITIVE_INFINITY,
  "@undefined": undefined,
  "@date": new Date(Number.NaN),
};

function revived(content: string): unknown {
  return JSON.parse(content, (_, value: unknown) =>
    typeof value === "string" && Object.hasOwn(exotic, value) ? exotic[value] : value,
  );
}

const run = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out", steps: 3, batchSize: 8 };
const saved = { model: "out", data: "a.tsv", text: ["text"], label: ["label"], maxLength: 8, limit: 3 };

const asked: readonly (readonly [name: string, schema: z.ZodType, seed: Record<string, string | number | string[]>])[] =
  [
    ["finetune", finetuneSchema, run],
    ["evaluate", evaluateSchema, saved],
    ["predict", predictSchema, { model: "out", text: "a text", textPair: "another", threads: 2 }],
    ["compare", compareSchema, { ...run, optimizers: "nanoadam,adamw", learningRates: "auto", seeds: 2 }],
  ];

const missing = "/no/such/folder";
const lines = [
  `finetune --model ${missing} --train ${missing}/a.tsv --text t --label l --steps 3 --learning-rate 1e-3 --output ${missing}/out`,
  `evaluate --model ${missing} --data ${missing}/a.tsv --max-length 8`,
  `predict --model ${missing} --text good --batch-size 2`,
  `export --model ${missing} --merge --output ${missing}/out`,
  `compare --model ${missing} --train ${missing}/a.tsv --optimizers nanoadam,adamw --learning-rates nanoadam=1e-3:3e-3 --output ${missing}/out`,
];

/** Commands that read no file that the line does not name, train nothing, and wait for nobody. */
function isHarmless(parts: readonly string[]): boolean {
  return parts.includes(missing) && !parts.some((part) => part === "-" || /^(demo|serve)/.test(part));
}

export const commandReaders: readonly FuzzedReader[] = [
  ...asked.map(
    ([name, schema, seed]): FuzzedReader => ({
      name: `options of ${name}`,
      seeds: [
        { json: seed },
        ...Object.keys(exotic).map((value) => ({ json: { ...seed, threads: value, text: [value], [value]: value } })),
      ],
      read: (content) => parseOptions(schema, revived(content)),
    }),
  ),
  {
    name: "command line",
    seeds: lines,
    async read(content) {
      const parts = content.split(" ");
      if (!isHarmless(parts)) return;
      const { exitCode, stderr } = await runCli(...parts);
      if (exitCode === 0) return;
      if (!/^nanoadam: [^\n]*\n$/.test(stderr) || stderr.length > 500 || /a fault of nanoadam/.test(stderr)) {
        throw new Error(`exit code ${exitCode} with ${stderr.slice(0, 1000)}`);
      }
    },
  },
];
