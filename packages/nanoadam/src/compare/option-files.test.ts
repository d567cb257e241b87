/** The options of comparisons from presets, files and flags; and the presets that repeat the paper's studies. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finetuneSchema } from "../options/finetune-options.js";
import { loadStudy, presetNames, presetText } from "../options/option-files.js";
import { parseOptions } from "../options/parse-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { withLearningRates } from "./learning-rates.js";
import { finetuneOptions, parseContestants } from "./optimizers.js";
import { comparisonOptions, overrideComparison } from "./option-files.js";
import { compareSchema, sharedOptions, variableOptions } from "./options.js";
import { parseVariations, withVariations } from "./variations.js";

const own = { model: "model", train: "train.tsv", output: "output" };

/** Each study: its contestants, and what its settings in the paper are. */
const studies = {
  "study/ablation": [
    [
      "nanoadam criterion=small",
      "nanoadam criterion=random",
      "nanoadam criterion=large",
      "nanoadam criterion=gradient",
    ],
    { density: 0.01, maskInterval: 131, epochs: 5, batchSize: 32, learningRates: [9e-5, 3e-4, 1e-3] },
  ],
  "study/rates": [
    ["nanoadam", "microadam", "adamw"],
    { density: 0.001, maskInterval: 100, epochs: 5, labelSmoothing: 0.1, learningRates: [1e-5, 1e-4, 1e-3] },
  ],
  "study/sensitivity": [
    [10, 50, 80, 100, 300, 500, 700, 900, 1100, 1500].map((interval) => `nanoadam mask-interval=${interval}`),
    { density: 0.1, finalDensity: 0.04, densityInterval: 409, learningRates: 1.1e-4 },
  ],
  "study/sensitivity/density-interval": [
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((hundred) => `nanoadam density-interval=${100 * hundred}`),
    { density: 0.1, finalDensity: 0.04, maskInterval: 81, learningRates: 1.1e-4 },
  ],
  "study/static-mask": [
    ["nanoadam static-mask=false", "nanoadam static-mask=true"],
    { density: 0.1, finalDensity: 0.04, epochs: 5, batchSize: 32 },
  ],
} as const;

describe("the presets of studies", () => {
  test("are these", async () => {
    const names = (await presetNames()).filter((name) => name.startsWith("study/"));
    expect(names).toEqual(Object.keys(studies).sort());
  });

  test.each(Object.entries(studies))("%s is a comparison by the paper's settings", async (name, [names, settings]) => {
    const options = await comparisonOptions({ direct: own, preset: name, config: undefined });
    expect(options).toMatchObject(settings);
    const { optimizers, learningRates, vary } = parseOptions(compareSchema, options);
    const rated = withLearningRates(parseContestants(optimizers), learningRates);
    const contestants = withVariations(rated, parseVariations(vary, variableOptions));
    expect(contestants.map((contestant) => contestant.name)).toEqual(names);
    // What every run would be refused for, the study is.
    for (const contestant of contestants) {
      parseOptions(finetuneSchema, { ...finetuneOptions(contestant, sharedOptions(options)), output: "run" });
    }
    expect(await presetText(name)).toContain(`nanoadam compare --preset ${name} --model `);
  });

  test("are not those of one run, nor the other way round", async () => {
    await expectRefusal(
      loadStudy("glue/cola", compareSchema),
      "preset glue/cola is for one run, as in nanoadam finetune --preset glue/cola; comparisons have study/ablation, ",
    );
    await expectRefusal(loadStudy("study/ablatoin", compareSchema), "did you mean study/ablation?");
  });
});

describe("what is given directly wins over a file, and a file over a preset", () => {
  test("option by option", async () => {
    const config = join(await temporaryFolder(), "mine.yaml");
    await writeFile(config, "density: 0.05\nseeds: 2\nlearning-rates: 1e-3\n");
    const direct = { ...own, seeds: 1, steps: 20 };
    const options = await comparisonOptions({ direct, preset: "study/ablation", config });
    expect(options).toMatchObject({ density: 0.05, seeds: 1, learningRates: 1e-3, maskInterval: 131, steps: 20 });
    expect(options).not.toHaveProperty("epochs");
  });

  test("and what cannot be is told with the file's name", async () => {
    const config = join(await temporaryFolder(), "mine.yaml");
    await writeFile(config, "metric: accuracy\noptimiser: adamw\n");
    await expectRefusal(
      comparisonOptions({ direct: own, preset: undefined, config }),
      "mine.yaml: there is no option optimiser",
    );
    await writeFile(config, "task: regression\nlabelSmoothing: 0.1\ndensity: 2\n");
    await expectRefusal(comparisonOptions({ direct: own, preset: undefined, config }), "mine.yaml: density is 2");
  });

  test("what a comparison needs and nobody gave is named", async () => {
    await expectRefusal(
      comparisonOptions({ direct: {}, preset: "study/rates", config: undefined }),
      "`model`, `train` and `output` are needed",
    );
  });
});

describe("values that are varied", () => {
  const study = { vary: ["criterion=small,large", "mask-interval=5,50"], density: 0.01, epochs: 5 };

  test("take the place of a single one", () => {
    expect(overrideComparison(study, { vary: "density=0.01,0.1" })).toEqual({ vary: "density=0.01,0.1", epochs: 5 });
  });

  test("and a single one that of varied ones", () => {
    const one = overrideComparison(study, { maskInterval: 20 });
    expect(one).toEqual({ vary: ["criterion=small,large"], density: 0.01, epochs: 5, maskInterval: 20 });
    const two = overrideComparison(one, { criterion: "random" });
    expect(two).toEqual({ density: 0.01, epochs: 5, maskInterval: 20, criterion: "random" });
  });
});
