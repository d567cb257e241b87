import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { taskNames } from "../tasks/registry.js";
import { finetuneSchema, parseFinetuneOptions } from "./finetune-options.js";
import { parseOptions } from "./parse-options.js";
import { evaluateSchema, predictSchema } from "./saved-model-options.js";

const needed = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };
const parse = (options: object) => parseOptions(finetuneSchema, { ...needed, ...options });

describe("options", () => {
  test("have defaults, and those that depend on the run stay open", () => {
    expect(parse({})).toMatchObject({
      text: ["text"],
      task: "classification",
      optimizer: "nanoadam",
      accumulate: 1,
      schedule: "linear",
      warmup: 0,
      density: 0.1,
      clip: 1,
      classWeights: "none",
      saveDtype: "keep",
      overwrite: false,
      seed: 42,
    });
    for (const open of ["learningRate", "batchSize", "epochs", "steps", "maskInterval", "dropout", "threads"]) {
      expect(parse({})).not.toHaveProperty(open);
    }
  });

  test("have names in a list or in one text; of columns only the data tell whether a comma is a part of a name", () => {
    const of = (options: object) => parse({ loraRank: 1, ...options });
    expect(of({ loraTargets: "query,value" })).toEqual(of({ loraTargets: ["query", "value"] }));
    expect(of({ text: "a,b" })).toEqual(of({ text: ["a,b"] }));
  });

  test("take rows for a file", () => {
    const rows = [{ text: "a", label: 1 }];
    expect(parse({ train: rows }).train).toBe(rows);
    expect(parse({ train: rows.values() })).toMatchObject({ task: "classification" });
  });

  test.each([
    [{ model: undefined }, "`model` is needed"],
    [{ train: undefined }, "`train` is needed"],
    [{ model: "" }, '`model` is "", expected at least 1 character'],
    [{ batchSize: 0 }, "`batchSize` is 0, expected at least 1"],
    [{ batchSize: 3.5 }, "`batchSize` is 3.5, expected a whole number"],
    [{ accumulate: -1 }, "`accumulate` is -1, expected at least 1"],
    [{ learningRate: 0 }, "`learningRate` is 0, expected more than 0"],
    [{ learningRate: "fast" }, '`learningRate` is "fast", expected a number above 0, or auto'],
    [{ density: 2 }, "`density` is 2, expected at most 1"],
    [{ delimiter: "" }, '`delimiter` is "", expected at least 1 character'],
    [
      { optimizer: "adam" },
      '`optimizer` is "adam", expected one of nanoadam, adamw, adamw8bit, microadam, galore, sgd, nanosgd, nanolion; did you mean adamw?',
    ],
    [{ evalShare: 1 }, "`evalShare` is 1, expected less than 1"],
    [{ labelSmoothing: 1 }, "`labelSmoothing` is 1, expected less than 1"],
    [{ seed: -1 }, "`seed` is -1, expected at least 0"],
    [{ sampledBelow: 1.5 }, "`sampledBelow` is 1.5, expected at most 1"],
    [{ clip: "1" }, '`clip` is "1", expected a number'],
    [{ text: 7 }, "`text` is 7, expected a name, or a list of names"],
    [{ clip: null }, "`clip` is null, expected a number"],
    [{ clip: true }, "`clip` is true, expected a number"],
    [{ overwrite: "yes" }, '`overwrite` is "yes", expected a boolean'],
    [{ task: "translation" }, `\`task\` is "translation", expected one of ${taskNames.join(", ")}`],
    [{ warmup: 2.5 }, "`warmup` is 2.5, expected a whole number of steps, or a fraction of them below 1"],
    [{ text: ["a", "b", "c"] }, '`text` is ["a","b","c"], expected at most 2 entries'],
    [{ text: "" }, '`text` is "", expected at least 1 character'],
    [{ text: ["a", "b"], task: "masked-lm", label: undefined }, "`text` is one column for masked-lm"],
    [{ train: 7 }, "`train` is 7, expected a file, or rows"],
    [{ eval: {} }, "`eval` is {}, expected a file, or rows"],
    [{ epochs: 1, steps: 5 }, "`steps` cannot go with `epochs`"],
    [{ eval: "b.tsv", evalShare: 0.5 }, "`evalShare` cannot go with `eval`"],
    [
      { density: 0.1, finalDensity: 0.2 },
      "`finalDensity` is 0.2, expected at most `density` 0.1, or a `densitySchedule`",
    ],
    [{ densitySchedule: "constant", finalDensity: 0.1 }, "`finalDensity` cannot go with a constant `densitySchedule`"],
    [
      { densitySchedule: "constant", densityInterval: 9 },
      "`densityInterval` cannot go with a constant `densitySchedule`",
    ],
    [
      { enteringMoment: "mean", stateOnRefresh: "reset" },
      "`enteringMoment` cannot be mean where `stateOnRefresh` is reset",
    ],
    [
      { enteringMoment: "mean", biasCorrection: "entry" },
      "`enteringMoment` cannot be mean where `biasCorrection` is entry, which corrects for a moment of 0",
    ],
    [{ denseLearningRate: 0 }, "`denseLearningRate` is 0, expected more than 0"],
    [{ learningrate: 1 }, "there is no option `learningrate`; did you mean `learningRate`?"],
  ])("%j are refused: %s", (options, message) => {
    expect(() => parse(options)).toThrow(InputError);
    expect(() => parse(options)).toThrow(new InputError(message));
  });

  test("a warm-up is a fraction below 1, or a number of steps", () => {
    for (const warmup of [0, 0.06, 1, 500]) expect(parse({ warmup }).warmup).toBe(warmup);
  });

  test("columns may be left open", () => {
    expect(parse({ text: undefined, label: undefined }).text).toBeUndefined();
  });

  test.each([
    ["reviews.csv", "reviews-model"],
    ["data/2024/reviews.tsv.gz", "reviews-model"],
    ["C:\\data\\my.reviews.parquet", "my.reviews-model"],
    ["train", "train-model"],
    [".csv", ".csv-model"],
  ])("a model of %s goes to %s unless told", (train, output) => {
    const { output: options } = parseFinetuneOptions({ model: "m", train });
    expect(options.output).toBe(output);
  });

  test("a model of rows has to be told where to go", () => {
    expect(() => parseFinetuneOptions({ model: "m", train: [{ text: "a", label: "b" }] })).toThrow(
      "`output` is needed",
    );
  });

  test("evaluate and predict have their own", () => {
    expect(() => parseOptions(evaluateSchema, { model: "m", text: "a" })).toThrow("`data` is needed");
    expect(parseOptions(predictSchema, { model: "m", text: "a, b" }).text).toBe("a, b");
    expect(() => parseOptions(predictSchema, { model: "m", text: "a", data: "d.tsv", textPair: "b" })).toThrow(
      "`textPair` cannot go with `data`; name two columns in `text`",
    );
    expect(() => parseOptions(predictSchema, { model: "m", text: "a", label: "b" })).toThrow(
      "there is no option `label`",
    );
  });
});
