import { Command } from "commander";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { compareSchema } from "../compare/options.js";
import { finetuneSchema } from "../options/finetune-options.js";
import { flagOf } from "../options/option-types.js";
import { parseOptions } from "../options/parse-options.js";
import { evaluateSchema, predictSchema } from "../options/saved-model-options.js";
import { compareCommand } from "./compare.js";
import { evaluateCommand } from "./evaluate.js";
import { finetuneCommand } from "./finetune.js";
import { addFlags, optionsOfFlags } from "./flags.js";
import { predictCommand } from "./predict.js";

const commands: readonly [string, () => Command, z.ZodObject][] = [
  ["finetune", finetuneCommand, finetuneSchema],
  ["evaluate", evaluateCommand, evaluateSchema],
  ["predict", predictCommand, predictSchema],
  ["compare", compareCommand, compareSchema],
];

/** The help as `--help` prints it, examples included. */
function helpOf(command: Command): string {
  const printed: string[] = [];
  command.configureOutput({ writeOut: (text) => printed.push(text), getOutHelpWidth: () => 200 }).outputHelp();
  return printed.join("");
}

describe.each(commands)("%s", (name, create, schema) => {
  test("has a flag with a description for every option of its schema", () => {
    const described = new Map(create().options.map(({ long, description }) => [long, description]));
    for (const option of Object.keys(schema.shape)) expect(described.get(flagOf(option)), option).toMatch(/\w+/);
  });

  test("--help shows an example of itself, whose flags exist", () => {
    const help = helpOf(create());
    const examples = help.split("\n").filter((line) => line.includes(`$ nanoadam ${name} `));
    expect(examples.length).toBeGreaterThan(0);
    const known = create().options.map(({ long }) => long);
    for (const example of examples) {
      for (const flag of example.match(/--[\w-]+/g) ?? []) expect(known).toContain(flag);
    }
  });
});

describe("flags", () => {
  test("tell choices, hints and defaults", () => {
    const help = helpOf(addFlags(new Command("test"), finetuneSchema));
    expect(help).toMatch(/--task <NAME> +what is learned, of the tasks below \(default: classification\)/);
    expect(help).toMatch(/--class-weights <none\|balanced> /);
    expect(help).toMatch(/--batch-size <N> +examples that run together \(default: 8 to 32, by the size of the data\)/);
    expect(help).toMatch(/--text <COL\[,COL2\]> /);
    expect(help).toMatch(/--overwrite +replace an output folder that is not empty\n/);
  });

  const parse = (...flags: string[]) => {
    const command = addFlags(new Command("test"), finetuneSchema).parse(flags, { from: "user" });
    return optionsOfFlags(finetuneSchema, command.opts());
  };

  test("say numbers where the schema has them, and nothing of what was not given", () => {
    expect(
      parse("--batch-size", "08", "--overwrite", "--learning-rate", "-1e-3", "--label", "2", "--text", "a,b"),
    ).toEqual({
      batchSize: 8,
      overwrite: true,
      learningRate: -1e-3,
      label: "2",
      text: "a,b",
    });
  });

  test("have short names", () => {
    expect(parse("-m", "bert", "-o", "out", "--lr", "1e-3", "--batch", "4")).toEqual({
      model: "bert",
      output: "out",
      learningRate: 1e-3,
      batchSize: 4,
    });
  });

  test.each(["", "  ", "fast", "1e999", "NaN", "8 GB"])(
    "leave %j, which is no number, for the schema to refuse",
    (text) => {
      expect(parse("--clip", text)).toEqual({ clip: text });
      expect(() =>
        parseOptions(finetuneSchema, { model: "m", train: "t", text: "a", output: "o", clip: text }),
      ).toThrow(`\`clip\` is ${JSON.stringify(text)}, expected a number`);
    },
  );
});
