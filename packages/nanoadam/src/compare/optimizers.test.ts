import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { finetuneSchema } from "../options/finetune-options.js";
import { optimizerNames } from "../options/optimizers.js";
import { parseOptions } from "../options/parse-options.js";
import { finetuneOptions, parseContestants } from "./optimizers.js";

const all = [...optimizerNames, "lora", "lora+nanoadam", "lora+sgd"].join(",");
const names = (list: string) => parseContestants(list).map(({ name }) => name);

describe("contestants", () => {
  test("are optimizers, alone or with LoRA, each once", () => {
    expect(names("adamw, nanoadam,adamw,lora,lora+nanoadam")).toEqual(["adamw", "nanoadam", "lora", "lora+nanoadam"]);
  });

  test("are what finetune accepts", () => {
    const needed = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };
    for (const contestant of parseContestants(all)) {
      expect(() => parseOptions(finetuneSchema, finetuneOptions(contestant, needed)), contestant.name).not.toThrow();
    }
  });

  test("have ascending learning rates of their own", () => {
    for (const { name, learningRates } of parseContestants(all)) {
      expect(learningRates.length, name).toBeGreaterThanOrEqual(3);
      expect(learningRates, name).toEqual([...learningRates].sort((a, b) => a - b));
    }
  });

  test("may be LoRA with any optimizer, at that one's rates unless the table has others", () => {
    const [galore, loraGalore] = parseContestants("galore,lora+galore");
    expect(loraGalore).toMatchObject({
      options: { optimizer: "galore", loraRank: 8 },
      learningRates: galore?.learningRates,
    });
  });

  test.each(["adamx", "", "lora+lora", "lora+", "toString"])('"%s" is none', (name) => {
    expect(() => parseContestants(`adamw,${name}`)).toThrow(InputError);
    expect(() => parseContestants(`adamw,${name}`)).toThrow(
      `\`optimizers\` has "${name}", expected some of nanoadam, `,
    );
  });
});

test("options are shared, but those of LoRA go to contestants with LoRA only", () => {
  const shared = { epochs: 2, loraRank: 4, loraAlpha: 1, useDora: true };
  const optionsOf = (list: string) => parseContestants(list).map((contestant) => finetuneOptions(contestant, shared));
  expect(optionsOf("adamw,lora")).toEqual([
    { optimizer: "adamw", epochs: 2 },
    { optimizer: "adamw", epochs: 2, loraRank: 4, loraAlpha: 1, useDora: true },
  ]);
});
