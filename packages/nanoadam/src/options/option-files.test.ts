import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type FinetuneInput, finetuneSchema, parseFinetuneOptions } from "./finetune-options.js";
import {
  loadPreset,
  nameFile,
  optionFileText,
  overrideOptions,
  parseOptionFile,
  presetNames,
  presetText,
  readOptionFile,
} from "./option-files.js";

const files = { model: "model", train: "train.tsv", output: "output" };

/** Mask and density interval of each task, from docs/method.md, section 3. */
const intervals = {
  "glue/cola": [6, 33],
  "glue/mnli": [306, 1533],
  "glue/mrpc": [7, 14],
  "glue/qnli": [81, 409],
  "glue/qqp": [711, 1423],
  "glue/sst2": [52, 263],
  "glue/stsb": [13, 27],
} as const;

/** Presets by name, for the same tasks on a larger model. */
const ofOpt = Object.entries(intervals).map(
  ([name, steps]) => [name.replace("glue/", "glue/opt-1.3b/"), steps] as const,
);

const llama = "commonsense/llama-3.2-3b";
const adapter = { loraRank: 32, loraAlpha: 64, loraDropout: 0.05 };
const sparse = { optimizer: "nanoadam", density: 0.1, finalDensity: 0.1 };
/** What the paper says of its decoders: the method's section 3. */
const decoders = {
  [llama]: { ...sparse, learningRate: 6e-5, maskInterval: 600, epochs: 2, maxLength: 256 },
  [`${llama}/adamw`]: { optimizer: "adamw", learningRate: 1e-5, epochs: 2, maxLength: 256 },
  [`${llama}/lora`]: { optimizer: "adamw", learningRate: 1e-4, ...adapter },
  [`${llama}/lora-nanoadam`]: { ...sparse, learningRate: 7e-4, maskInterval: 600, ...adapter },
  [`${llama}/microadam`]: { optimizer: "microadam", learningRate: 1e-5, microadamWindow: 10, microadamDensity: 0.01 },
  "gsm8k/llama-2-7b": { ...sparse, learningRate: 4e-4, maskInterval: 5, beta1: 0.75, epochs: 3, maxLength: 512 },
  "instruct/smollm2-135m": { optimizer: "nanoadam", pack: true, maxLength: 512 },
};

const resnet = { density: 0.01, epochs: 30, batchSize: 128, schedule: "constant", labelSmoothing: 0 };
/** What the paper says of networks over images: the method's section 3, and appendices L and M. */
const vision = {
  "continual/vit-large": { density: 0.001, learningRate: 1e-3, epochs: 5, schedule: "cosine", labelSmoothing: 0.1 },
  "continual/resnet-101": { ...resnet, learningRate: 1e-2 },
  "continual/resnet-18": { ...resnet, learningRate: 9e-3 },
  "pathmnist/resnet-18": { ...resnet, learningRate: 1e-3, keepZeros: false },
  "pruned/resnet-18": { ...resnet, learningRate: 5e-3, keepZeros: true },
};

describe("presets", () => {
  test("are those of the paper's seven tasks on two models, of its decoders and images, and one for a laptop", async () => {
    const names = [decoders, intervals, vision].flatMap((each) => Object.keys(each));
    names.push(...ofOpt.map(([name]) => name));
    const ofOneRun = (await presetNames()).filter((name) => !name.startsWith("study/"));
    expect(ofOneRun).toEqual(names.sort());
  });

  test.each(Object.entries(decoders))("%s teaches a decoder by the paper's settings", async (name, settings) => {
    const options = finetuneSchema.parse({ ...files, ...(await loadPreset(name)) });
    expect(options).toMatchObject({ task: "causal-lm", seed: 42, ...settings });
    const examples = (options.batchSize ?? 0) * options.accumulate;
    expect(examples).toBe(name.startsWith(llama) ? 16 : name.startsWith("gsm8k") ? 32 : 8);
    expect(await presetText(name)).toContain(`--preset ${name} --model `);
  });

  test.each(Object.entries(vision))("%s has the paper's settings", async (name, settings) => {
    const options = finetuneSchema.parse({ ...files, ...(await loadPreset(name)) });
    expect(options).toMatchObject({
      task: "image-classification",
      optimizer: "nanoadam",
      maskInterval: 100,
      ...settings,
    });
    expect((options.batchSize ?? 0) * options.accumulate).toBe(128);
    // The density stays, and no change of it makes selections anew.
    expect(options.finalDensity).toBe(options.density);
    expect(options.densityInterval).toBeGreaterThan((50_000 / 128) * (options.epochs ?? 0));
    expect(await presetText(name)).toContain(`--preset ${name} `);
  });

  const glue = [...Object.entries(intervals), ...ofOpt];
  test.each(glue)("%s has the paper's settings", async (name, [maskInterval, densityInterval]) => {
    const options = finetuneSchema.parse({ ...files, ...(await loadPreset(name)) });
    expect((options.batchSize ?? 0) * options.accumulate).toBe(32);
    expect(options).toMatchObject({
      optimizer: "nanoadam",
      epochs: 5,
      maxLength: 128,
      weightDecay: 0,
      schedule: "linear",
      warmup: 0,
      seed: 42,
      density: 0.1,
      finalDensity: 0.04,
      maskInterval,
      densityInterval,
      task: name.endsWith("stsb") ? "regression" : "classification",
    });
    expect(options.learningRate).toBeGreaterThanOrEqual(5e-6);
    expect(options.learningRate).toBeLessThanOrEqual(3e-4);
  });

  test("explain themselves", async () => {
    expect(await presetText("glue/cola")).toMatch(
      /^# CoLA .*Matthews[\s\S]*arXiv 2506\.21374[\s\S]*--preset glue\/cola/,
    );
  });

  test("those of a comparison are not for one run", async () => {
    await expect(loadPreset("study/ablation")).rejects.toThrow(
      new InputError(
        "preset study/ablation is for a comparison of several runs, as in nanoadam compare --preset study/ablation",
      ),
    );
  });

  test.each(["glue/wnli", "../../package", "glue"])("there is none called %s", async (name) => {
    await expect(loadPreset(name)).rejects.toThrow(
      new RegExp(`there is no preset "${name}".* (E|e)xpected one of commonsense/llama-3.2-3b, `),
    );
  });
});

describe("an option file", () => {
  test("has options by their names in the API, or as flags spell them", () => {
    const text = "learningRate: 1e-3\nmask-interval: 7\ntext: [question, sentence]\nstaticMask: false\n";
    expect(parseOptionFile(text, "mine.yaml", finetuneSchema)).toEqual({
      learningRate: 1e-3,
      maskInterval: 7,
      text: ["question", "sentence"],
      staticMask: false,
    });
  });

  test("may be empty", () => {
    expect(parseOptionFile("# nothing yet\n", "mine.yaml", finetuneSchema)).toEqual({});
  });

  test("is read from where it is", async () => {
    const path = join(await temporaryFolder(), "mine.yaml");
    await writeFile(path, "epochs: 2\n");
    expect(await readOptionFile(path, finetuneSchema)).toEqual({ epochs: 2 });
    await expect(readOptionFile(`${path}.absent`, finetuneSchema)).rejects.toThrow(
      /mine\.yaml\.absent could not be read/,
    );
  });

  test.each([
    ["epochs: [", /^mine\.yaml is not valid YAML: /],
    ["epochs: !number 3", /^mine\.yaml is not valid YAML: Unresolved tag: !number at line 1, column 9$/],
    ["epochs: *other", /^mine\.yaml is not valid YAML: Alias resolution is disabled/],
    ["- epochs", /^mine\.yaml holds a list, expected a mapping of options to values$/],
    ["epochs", /^mine\.yaml holds a string, expected a mapping of options to values$/],
    ["maskInterval: 6\nmask-interval: 7", /^mine\.yaml: maskInterval is given twice$/],
    ["epochs:", /^mine\.yaml: epochs is null, expected a number$/],
    ["epoch: 3", /^mine\.yaml: there is no option epoch; did you mean epochs\?$/],
    ["constructor: 3", /^mine\.yaml: there is no option constructor$/],
    ["epochs: 0", /^mine\.yaml: epochs is 0, expected more than 0$/],
    ["density: 2", /^mine\.yaml: density is 2, expected at most 1$/],
    ["optimizer: adam", /^mine\.yaml: optimizer is "adam", expected one of nanoadam, /],
    ["text: 7", /^mine\.yaml: text is 7, expected /],
  ])("that says %j is refused", (text, message) => {
    expect(() => parseOptionFile(text, "mine.yaml", finetuneSchema)).toThrow(message);
  });
});

describe("options given directly", () => {
  test("win over a file", () => {
    expect(overrideOptions({ epochs: 5, seed: 42 }, { seed: 1 })).toEqual({ epochs: 5, seed: 1 });
  });

  test("replace what a file says of their alternatives", () => {
    expect(overrideOptions({ epochs: 5, eval: "a.tsv" }, { steps: 100, evalShare: 0.2 })).toEqual({
      steps: 100,
      evalShare: 0.2,
    });
  });

  test("for a static mask leave no intervals, and no static mask leaves them", () => {
    const dynamic = { maskInterval: 6, densityInterval: 33 };
    expect(overrideOptions(dynamic, { staticMask: true })).toEqual({ staticMask: true });
    expect(overrideOptions(dynamic, { staticMask: false })).toEqual({ ...dynamic, staticMask: false });
    expect(overrideOptions({ staticMask: true }, { maskInterval: 6 })).toEqual({ maskInterval: 6 });
  });

  test("that are undefined leave the file's", () => {
    expect(overrideOptions({ epochs: 5 }, { epochs: undefined })).toEqual({ epochs: 5 });
  });
});

test("an error names the file that gives the option, unless it is given directly", () => {
  const files = [
    { source: "mine.yaml", options: { density: 0.2 } },
    { source: "preset glue/cola", options: { density: 0.1, finalDensity: 0.04 } },
  ];
  const told = (message: string) => nameFile(new InputError(message), ["epochs"], files);
  expect(told("`density` is 2")).toEqual(new InputError("mine.yaml: density is 2"));
  expect(told("`finalDensity` is 1, expected at most `density`")).toEqual(
    new InputError("preset glue/cola: finalDensity is 1, expected at most `density`"),
  );
  for (const message of ["`epochs` is 0", "`maskInterval` is 0", "a.tsv has no `density`"]) {
    expect(told(message)).toEqual(new InputError(message));
  }
  const fault = new TypeError("`density` is not a function");
  expect(nameFile(fault, [], files)).toBe(fault);
});

test.each(["glue/cola", "glue/stsb"])(
  "the options in force, printed, are a file that means the same (%s)",
  async (name) => {
    const options = parseFinetuneOptions({
      ...(await loadPreset(name)),
      model: "m",
      train: "t.tsv",
      text: "a,b",
      keep: 3,
    });
    const again = parseOptionFile(optionFileText(options), "printed", finetuneSchema);
    expect(parseFinetuneOptions(again as FinetuneInput)).toEqual(options);
  },
);
