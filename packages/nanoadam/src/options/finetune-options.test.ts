import { describe, expect, expectTypeOf, test } from "vitest";
import type { z } from "zod";
import { InputError } from "../errors.js";
import { type TaskName, taskNames } from "../tasks/registry.js";
import { type FinetuneInput, finetuneSchema, flattenOptions, parseFinetuneOptions } from "./finetune-options.js";
import { parseOptions } from "./parse-options.js";
import type {
  EvaluateInput,
  ExportInput,
  evaluateSchema,
  exportSchema,
  PredictInput,
  predictSchema,
} from "./saved-model-options.js";
import type { FinetuneInputFor, UnnamedTask } from "./task-options.js";

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
    expect(data).toEqual({ train: "a.tsv", text: ["text"], pack: false, label: ["label"], augment: "none" });
    expect(objective).toEqual({ task: "classification", labelSmoothing: 0, classWeights: "none" });
    expect(training).toMatchObject({ batchSize: 8, accumulate: 1, seed: 42 });
    expect(optimizer).toMatchObject({ optimizer: "adamw", weightDecay: 0 });
    expect(adapter).toEqual({ loraRank: 4, loraDropout: 0, useRslora: false, useDora: false });
    expect(output).toEqual({ output: "out", overwrite: false, saveDtype: "keep", report: false });
  });

  test("are each in one group, and flat again the same", () => {
    const options = parseFinetuneOptions(needed);
    expect(flattenOptions(options)).toEqual(parseOptions(finetuneSchema, needed));
    const names = Object.values(options).flatMap((group) => Object.keys(group));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the documented interfaces", () => {
  test("are what the schemas take", () => {
    expectTypeOf<Flat<FinetuneInput>>().toEqualTypeOf<Readonly<z.input<typeof finetuneSchema>>>();
    expectTypeOf<Flat<EvaluateInput>>().toEqualTypeOf<Readonly<z.input<typeof evaluateSchema>>>();
    expectTypeOf<Flat<PredictInput>>().toEqualTypeOf<Readonly<z.input<typeof predictSchema>>>();
    expectTypeOf<Flat<ExportInput>>().toEqualTypeOf<Readonly<z.input<typeof exportSchema>>>();
  });

  test("refuse what is no number, no choice and no option", () => {
    expectTypeOf<FinetuneInput["learningRate"]>().toEqualTypeOf<number | "auto" | undefined>();
    // @ts-expect-error a text is no learning rate
    const rate: FinetuneInput = { ...needed, learningRate: "banana" };
    // @ts-expect-error there is no such optimizer
    const optimizer: FinetuneInput = { ...needed, optimizer: "adam" };
    // @ts-expect-error an option is spelled otherwise
    const option: FinetuneInput = { ...needed, learningrate: 1 };
    for (const input of [rate, optimizer, option]) expect(() => parseFinetuneOptions(input)).toThrow(InputError);
  });
});

describe("the options of a run for a task", () => {
  const take = <Task extends TaskName = UnnamedTask>(input: FinetuneInputFor<Task>): FinetuneInput => input;

  test("are those that it takes", () => {
    const inputs = [
      take({ ...needed, labelSmoothing: 0.1, classWeights: "balanced" }),
      take({ ...needed, task: "classification", labelSmoothing: 0.1 }),
      take({ ...needed, task: "causal-lm", label: undefined, lossOn: "all", pack: true }),
      take({ ...needed, task: "image-classification", augment: "flip" }),
      take({ ...needed, task: "regression", labelSmoothing: undefined }),
      take({ ...needed, task: taskNames[0] as TaskName, labelSmoothing: 0.1 }),
    ];
    for (const input of inputs) expect(() => parseFinetuneOptions(input)).not.toThrow();
  });

  test("are no others: what a run would refuse is refused by the types", () => {
    const inputs = [
      // @ts-expect-error numbers have no labels to smooth
      take({ ...needed, task: "regression", labelSmoothing: 0.1 }),
      // @ts-expect-error several labels are not weighed
      take({ ...needed, task: "multi-label", classWeights: "balanced" }),
      // @ts-expect-error what is not said to be of a decoder has no such loss
      take({ ...needed, lossOn: "all" }),
      // @ts-expect-error texts that are classified stand alone
      take({ ...needed, task: "classification", pack: true }),
    ];
    for (const input of inputs) expect(() => parseFinetuneOptions(input)).toThrow(InputError);
    // @ts-expect-error texts are not turned about
    take({ ...needed, task: "masked-lm", augment: "flip" });
  });
});

/** The properties of an interface, its own and inherited, in one type. */
type Flat<Interface> = { [Property in keyof Interface]: Interface[Property] };
