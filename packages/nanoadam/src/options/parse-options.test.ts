import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { evaluateSchema, finetuneSchema, predictSchema } from "./options.js";
import { flagOf, parseOptions } from "./parse-options.js";

const needed = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };
const parse = (options: object) => parseOptions(finetuneSchema, { ...needed, ...options });

describe("options", () => {
  test("have defaults, and those that depend on the run stay open", () => {
    expect(parse({})).toMatchObject({
      text: ["text"],
      task: "classification",
      optimizer: "nanoadam",
      batchSize: 32,
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
    for (const open of ["learningRate", "epochs", "steps", "maskInterval", "dropout", "threads"]) {
      expect(parse({})).not.toHaveProperty(open);
    }
  });

  test("are the same from the command line's texts as from a program's numbers", () => {
    const texts = { batchSize: "8", learningRate: "1e-3", dropout: "0", warmup: "0.1", seed: "7", text: "a,b" };
    const values = { batchSize: 8, learningRate: 1e-3, dropout: 0, warmup: 0.1, seed: 7, text: ["a", "b"] };
    expect(parse(texts)).toEqual(parse(values));
  });

  test.each([
    [{ model: undefined }, "--model is needed"],
    [{ train: undefined }, "--train is needed"],
    [{ model: "" }, '--model is "", expected at least 1 character'],
    [{ batchSize: 0 }, "--batch-size is 0, expected at least 1"],
    [{ batchSize: "0" }, '--batch-size is "0", expected at least 1'],
    [{ batchSize: "3.5" }, '--batch-size is "3.5", expected a whole number'],
    [{ accumulate: -1 }, "--accumulate is -1, expected at least 1"],
    [{ learningRate: 0 }, "--learning-rate is 0, expected more than 0"],
    [{ learningRate: "-1" }, '--learning-rate is "-1", expected more than 0'],
    [{ learningRate: "fast" }, '--learning-rate is "fast", expected a number'],
    [{ learningRate: "1e999" }, '--learning-rate is "1e999", expected a number'],
    [{ density: 2 }, "--density is 2, expected at most 1"],
    [{ density: "2" }, '--density is "2", expected at most 1'],
    [{ density: "0" }, '--density is "0", expected more than 0'],
    [{ dropout: "1" }, '--dropout is "1", expected less than 1'],
    [{ delimiter: "" }, '--delimiter is "", expected at least 1 character'],
    [
      { optimizer: "adam" },
      '--optimizer is "adam", expected one of nanoadam, adamw, adamw8bit, microadam, galore, sgd',
    ],
    [{ evalShare: 1 }, "--eval-share is 1, expected less than 1"],
    [{ labelSmoothing: 1 }, "--label-smoothing is 1, expected less than 1"],
    [{ seed: -1 }, "--seed is -1, expected at least 0"],
    [{ sampledBelow: 1.5 }, "--sampled-below is 1.5, expected at most 1"],
    [{ clip: "" }, '--clip is "", expected a number'],
    [{ clip: "  " }, '--clip is "  ", expected a number'],
    [{ clip: null }, "--clip is null, expected a number"],
    [{ clip: true }, "--clip is true, expected a number"],
    [{ overwrite: "yes" }, '--overwrite is "yes", expected a boolean'],
    [{ task: "translation" }, '--task is "translation", expected one of classification, regression, masked-lm'],
    [{ warmup: "1.5" }, "--warmup is 1.5, expected a whole number of steps, or a share of them below 1"],
    [{ warmup: 2.5 }, "--warmup is 2.5, expected a whole number of steps, or a share of them below 1"],
    [{ text: "a,b,c" }, '--text is "a,b,c", expected at most 2 entries'],
    [{ text: "a," }, '--text is "a,", expected at least 1 character'],
    [{ text: "a,b", task: "masked-lm", label: undefined }, "--text is one column for masked-lm"],
    [{ text: ["a", "b", "c"] }, '--text is ["a","b","c"], expected at most 2 entries'],
    [{ epochs: 1, steps: 5 }, "--steps cannot go with --epochs"],
    [{ eval: "b.tsv", evalShare: 0.5 }, "--eval-share cannot go with --eval"],
    [{ label: undefined }, "--label is needed for classification"],
    [{ finalDensity: "0.5" }, "--final-density is 0.5, expected at most --density 0.1"],
    [{ density: 0.1, finalDensity: 0.2 }, "--final-density is 0.2, expected at most --density 0.1"],
    [{ learningrate: 1 }, "there is no option --learningrate"],
  ])("%j are refused: %s", (options, message) => {
    expect(() => parse(options)).toThrow(InputError);
    expect(() => parse(options)).toThrow(new InputError(message));
  });

  test("a warm-up is a share below 1, or a number of steps", () => {
    for (const warmup of [0, 0.06, 1, 500]) expect(parse({ warmup }).warmup).toBe(warmup);
  });

  test("masked-lm needs no label", () => {
    expect(parse({ task: "masked-lm", label: undefined }).task).toBe("masked-lm");
  });

  test("evaluate and predict have their own", () => {
    expect(() => parseOptions(evaluateSchema, { model: "m", text: "a" })).toThrow("--data is needed");
    expect(parseOptions(predictSchema, { model: "m", text: "a, b" }).text).toBe("a, b");
    expect(() => parseOptions(predictSchema, { model: "m", text: "a", data: "d.tsv", textPair: "b" })).toThrow(
      "--text-pair cannot go with --data; name two columns in --text",
    );
    expect(() => parseOptions(predictSchema, { model: "m", text: "a", label: "b" })).toThrow(
      "there is no option --label",
    );
  });
});

test("an option's flag is its name in lower case with hyphens", () => {
  expect(flagOf("maskInterval")).toBe("--mask-interval");
  expect(flagOf("text")).toBe("--text");
});
