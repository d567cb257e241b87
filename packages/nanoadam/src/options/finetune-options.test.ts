import { describe, expect, test } from "vitest";
import { finetuneSchema, flattenOptions, parseFinetuneOptions } from "./finetune-options.js";
import { parseOptions } from "./parse-options.js";

const needed = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };

describe("the options of a run", () => {
  test("are grouped by what reads them", () => {
    const { model, data, objective, training, optimizer, adapter, output } = parseFinetuneOptions({
      ...needed,
      optimizer: "adamw",
      loraRank: 4,
      batchSize: 8,
    });
    expect(model).toEqual({ model: "bert", weights: "keep", fromScratch: false });
    expect(data).toEqual({ train: "a.tsv", text: ["text"], label: "label" });
    expect(objective).toEqual({ task: "classification", labelSmoothing: 0, classWeights: "none" });
    expect(training).toMatchObject({ batchSize: 8, accumulate: 1, seed: 42 });
    expect(optimizer).toMatchObject({ optimizer: "adamw", weightDecay: 0 });
    expect(adapter).toEqual({ loraRank: 4, loraDropout: 0 });
    expect(output).toEqual({ output: "out", overwrite: false, saveDtype: "keep" });
  });

  test("are each in one group, and flat again the same", () => {
    const options = parseFinetuneOptions(needed);
    expect(flattenOptions(options)).toEqual(parseOptions(finetuneSchema, needed));
    const names = Object.values(options).flatMap((group) => Object.keys(group));
    expect(new Set(names).size).toBe(names.length);
  });
});
