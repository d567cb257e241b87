/** The questions of `nanoadam init`: model, data, columns. */
import { stat } from "node:fs/promises";
import { InputError } from "../errors.js";
import { formatCount } from "../format.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { outputNamedAfter } from "../options/output-options.js";
import { type ColumnDescription, type DataDescription, describeData } from "../recipes/describe-data.js";
import { withFlags } from "./flag-names.js";

/** Someone who is asked. */
export interface Asked {
  /** The answer to a question; what stands in brackets where nothing is typed. */
  ask(question: string, otherwise?: string): Promise<string>;
  tell(line: string): void;
}

/** Asks for the options of a run until each answer is one that can be used. */
export async function askOptions(asked: Asked): Promise<FinetuneInput & { readonly output: string }> {
  const model = await askUntil(
    asked,
    "Model: a folder, or demo for the small one that comes along",
    "demo",
    requireModel,
  );
  const { answer: train, found } = await askForData(asked);
  const name = async (what: string, suggested: string | undefined) =>
    askUntil(asked, what, suggested, async (answer) => requireColumn(answer, found));
  const text = await name("Column of the text", found.text);
  const label = await name("Column of the label", found.label);
  const task = taskFor(found.columns.find((column) => column.name === label));
  asked.tell(`The label ${task === "regression" ? "is a number: regression" : "is a class: classification"}.`);
  const evaluation = await askUntil(asked, "Data to evaluate on (none: a part is held out)", "none", async (answer) => {
    if (answer !== "none") await describeData(answer);
  });
  const output = await asked.ask("Folder of the result", outputNamedAfter(train));
  return { model, train, ...(evaluation === "none" ? {} : { eval: evaluation }), text, label, task, output };
}

async function askForData(asked: Asked): Promise<{ readonly answer: string; readonly found: DataDescription }> {
  let found: DataDescription | undefined;
  const answer = await askUntil(asked, "Data to learn from: .csv, .tsv, .jsonl, ...", undefined, async (path) => {
    found = await describeData(path);
  });
  if (found === undefined) throw new Error("the data were not looked at");
  asked.tell(`${formatCount(found.rows)} rows, with the columns`);
  for (const { name, example, distinct } of found.columns) {
    asked.tell(
      `  ${name}: ${distinct} different, such as "${example.length > 50 ? `${example.slice(0, 50)}...` : example}"`,
    );
  }
  return { answer, found };
}

/** Asks again, and says why, as long as an answer cannot be used. */
async function askUntil(
  { ask, tell }: Asked,
  question: string,
  otherwise: string | undefined,
  check: (answer: string) => Promise<void>,
): Promise<string> {
  for (;;) {
    const answer = await ask(question, otherwise);
    try {
      await check(answer);
      return answer;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      tell(withFlags(error.message));
    }
  }
}

async function requireModel(answer: string): Promise<void> {
  if (answer === "demo") return;
  const found = await stat(`${answer}/config.json`).catch(() => undefined);
  if (found === undefined) throw new InputError(`${answer} is no folder with a config.json`);
}

function requireColumn(answer: string, { columns }: DataDescription): void {
  if (columns.some(({ name }) => name === answer)) return;
  throw new InputError(`there is no column "${answer}", expected one of ${columns.map(({ name }) => name).join(", ")}`);
}

/** Numbers of so many different values, or with a fraction, are values and not classes. */
const mostClasses = 20;

function taskFor(label: ColumnDescription | undefined): "classification" | "regression" {
  if (label?.areNumbers !== true) return "classification";
  return label.distinct > mostClasses || label.example.includes(".") ? "regression" : "classification";
}
