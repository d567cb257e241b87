/** The runs that a comparison makes, keeps and refuses; they only pretend to learn. */
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { type Fate, simulatedRuns } from "../testing/simulated-runs.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { compare } from "./compare.js";
import type { Comparison } from "./comparison.js";
import type { CompareInput } from "./options.js";

const options = {
  model: "bert",
  train: "train.tsv",
  text: "sentence",
  label: "label",
  optimizers: "nanoadam,adamw",
  learningRates: "nanoadam=1e-3:3e-3,adamw=1e-4:3e-4",
  seeds: 3,
} as const;

/** Every run is worth its learning rate times a hundred. */
const byRate = (name: string): Fate => 100 * Number(/(\de-\d)-\d$/.exec(name)?.[1]);

const sweep = ["nanoadam-1e-3-0", "nanoadam-3e-3-0", "adamw-1e-4-0", "adamw-3e-4-0"];
const repeats = ["nanoadam-3e-3-1", "adamw-3e-4-1", "nanoadam-3e-3-2", "adamw-3e-4-2"];

/** Comparisons into one folder, one after the other. */
async function workplace() {
  const output = join(await temporaryFolder(), "results", "comparison");
  return {
    output,
    async run(changed: Partial<CompareInput> = {}, fate: (name: string) => Fate = byRate, signal?: AbortSignal) {
      const { start, started } = simulatedRuns(fate);
      const signalOrNone = signal ?? new AbortController().signal;
      const comparison = await compare({ ...options, output, ...changed }, { start, signal: signalOrNone });
      return { comparison, started, names: started.map(({ name }) => name) };
    },
    keptRuns: async () => (await readdir(join(output, "runs"))).sort(),
    readComparison: async () => JSON.parse(await readFile(join(output, "comparison.json"), "utf8")) as Comparison,
  };
}

describe("the runs", () => {
  test("are every rate with the first seed, then each optimizer's best rate with the others", async () => {
    const { run, keptRuns } = await workplace();
    const { names, comparison } = await run();
    expect(names).toEqual([...sweep, ...repeats]);
    expect(await keptRuns()).toEqual([...sweep, ...repeats].map((name) => `${name}.json`).sort());
    expect(comparison.progress).toEqual({ ended: 8, planned: 8 });
    expect(comparison.optimizers.map(({ best }) => [best?.learningRate, best?.score.seeds])).toEqual([
      [3e-3, [0, 1, 2]],
      [3e-4, [0, 1, 2]],
    ]);
  });

  test("are every rate with every seed when asked", async () => {
    const { run } = await workplace();
    const { names } = await run({ allSeeds: true, seeds: 2 });
    expect(names).toEqual([...sweep, ...sweep.map((name) => name.replace(/0$/, "1"))]);
  });

  test("get every other option, and those of their contestant", async () => {
    const { run } = await workplace();
    const { started } = await run({ epochs: 2, text: ["a", "b"], fromScratch: true, learningRates: "1e-3", seeds: 1 });
    expect(started.map(({ flags }) => flags)).toEqual(
      ["nanoadam", "adamw"].map((optimizer) =>
        expect.objectContaining({
          ...{ optimizer, model: "bert", train: "train.tsv", text: "a,b", label: "label", epochs: "2" },
          ...{ "from-scratch": expect.anything(), "learning-rate": "0.001", seed: "0", output: expect.anything() },
        }),
      ),
    );
    expect(started[0]?.flags).not.toHaveProperty("jobs");
  });
});

describe("options that vary", () => {
  const vary = { vary: ["criterion=small,large"], optimizers: "nanoadam,adamw", learningRates: "1e-3", seeds: 1 };

  test("make contestants of their own, with files of their own", async () => {
    const { run, keptRuns } = await workplace();
    const { started, comparison } = await run(vary);
    expect(started.map(({ flags }) => flags.criterion)).toEqual(["small", "large", undefined]);
    expect(await keptRuns()).toEqual(
      ["adamw", "nanoadam_criterion=large", "nanoadam_criterion=small"].map((name) => `${name}-1e-3-0.json`),
    );
    expect(comparison.optimizers.map(({ optimizer, variation }) => [optimizer, variation])).toEqual([
      ["nanoadam criterion=small", { criterion: "small" }],
      ["nanoadam criterion=large", { criterion: "large" }],
      ["adamw", undefined],
    ]);
  });

  test("are found again, and others join them", async () => {
    const { run } = await workplace();
    await run(vary);
    const { started } = await run({ ...vary, vary: ["criterion=small,large,random"] });
    expect(started.map(({ flags }) => flags.criterion)).toEqual(["random"]);
  });

  test("have no value for all, and only values that a run takes", async () => {
    const { run } = await workplace();
    await expect(run({ ...vary, criterion: "small" })).rejects.toThrow(
      "`criterion` has one value for all runs, and `vary` has others; leave it out",
    );
    await expect(run({ ...vary, vary: "criterion=small,tiny" })).rejects.toThrow('`criterion` is "tiny"');
  });
});

describe("a run that fails", () => {
  test("has no result, and the others go on", async () => {
    const { run, output } = await workplace();
    const { comparison, names } = await run({}, (name) =>
      name === "nanoadam-3e-3-0" ? "out of memory" : byRate(name),
    );
    expect(names).toContain("nanoadam-1e-3-2");
    expect(comparison.optimizers[0]?.best?.learningRate).toBe(1e-3);
    expect(comparison.runs).toContainEqual(expect.objectContaining({ failure: "out of memory", diverged: false }));
    expect(await readFile(join(output, "comparison.md"), "utf8")).toContain(
      "- nanoadam, learning rate 3e-3, seed 0: out of memory\n",
    );
  });

  test("is made again by the next comparison, unless it diverged", async () => {
    const { run, output } = await workplace();
    await run({}, (name) => (/^adamw.*0$/.test(name) ? "out of memory" : byRate(name)));
    const file = join(output, "runs", "adamw-1e-4-0.json");
    const kept = JSON.parse(await readFile(file, "utf8")) as object;
    await writeFile(file, JSON.stringify({ ...kept, diverged: true }));
    expect((await run()).names).toEqual(["adamw-3e-4-0", "adamw-3e-4-1", "adamw-3e-4-2"]);
  });

  test("with no result before it ends the comparison, as bad data does, and leaves nothing", async () => {
    const { run, output } = await workplace();
    await expect(run({}, () => "train.tsv has no column")).rejects.toThrow(new InputError("train.tsv has no column"));
    await expect(access(resolve(output, ".."))).rejects.toThrow("ENOENT");
  });

  test("leaves an optimizer without a best rate when all of its runs do", async () => {
    const { run } = await workplace();
    const { comparison } = await run({}, (name) => (name.startsWith("adamw") ? "no memory" : byRate(name)));
    expect(comparison.optimizers[1]?.best).toBeUndefined();
    expect(comparison.progress).toEqual({ ended: 6, planned: 6 });
  });
});

describe("the same command again", () => {
  test("makes only the runs that are not there", async () => {
    const { run, output, readComparison } = await workplace();
    await run();
    const before = await readComparison();
    await rm(join(output, "runs", "adamw-3e-4-1.json"));
    expect((await run()).names).toEqual(["adamw-3e-4-1"]);
    expect(await readComparison()).toEqual(before);
  });

  test("goes on after an interruption, which keeps what had finished", async () => {
    const { run, keptRuns, readComparison } = await workplace();
    const interrupt = new AbortController();
    const interrupted = run(
      {},
      (name) => {
        if (name === sweep[2]) interrupt.abort();
        return byRate(name);
      },
      interrupt.signal,
    );
    await expect(interrupted).rejects.toThrow(/^interrupted; finished runs are kept in .*comparison, and the same/);
    expect(await keptRuns()).toEqual(["nanoadam-1e-3-0.json", "nanoadam-3e-3-0.json"]);
    expect((await readComparison()).progress).toEqual({ ended: 2, planned: 8 });
    expect((await run()).names).toEqual([...sweep.slice(2), ...repeats]);
  });

  test("may ask for more seeds, rates and optimizers, or rank by something else", async () => {
    const { run } = await workplace();
    await run({ seeds: 1 });
    expect((await run({ seeds: 2 })).names).toEqual(repeats.slice(0, 2));
    const wider = { seeds: 1, learningRates: "3e-4,1e-3" };
    expect((await run(wider)).names).toEqual(["nanoadam-3e-4-0", "adamw-1e-3-0"]);
    const { names, comparison } = await run({ ...wider, metric: "loss", jobs: 2 });
    expect(names).toEqual([]);
    expect(comparison.metric).toEqual({ name: "loss", better: "lower" });
  });

  test("goes on where an option was not known yet when it was begun, at its default", async () => {
    const { run, output } = await workplace();
    await run({ seeds: 1 });
    const file = join(output, "configuration.json");
    const { options, ...rest } = JSON.parse(await readFile(file, "utf8"));
    const { checkpointing, ...earlier } = options;
    await writeFile(file, JSON.stringify({ ...rest, options: earlier }));
    expect(checkpointing).toBe("none");
    expect((await run({ seeds: 1 })).names).toEqual([]);
    await expect(run({ seeds: 1, checkpointing: "stage" })).rejects.toThrow(
      '`checkpointing` was "none" and is now "stage"',
    );
  });

  test("with other options for its runs is refused, or starts anew", async () => {
    const { run, keptRuns, output } = await workplace();
    await run({ epochs: 2 });
    await expect(run({ epochs: 3, dropout: 0 })).rejects.toThrow(
      `The output folder ${output} holds a comparison of other runs: \`epochs\` was 2 and is now 3, \`dropout\` was none and is now 0; pass \`overwrite\` to start anew, or name another.`,
    );
    const { names } = await run({ epochs: 3, overwrite: true, seeds: 1, jobs: 4 });
    expect(names.sort()).toEqual([...sweep].sort());
    expect(await keptRuns()).toEqual(sweep.map((name) => `${name}.json`).sort());
  });
});

describe("what is refused before any run", () => {
  test.each<[Partial<CompareInput>, string]>([
    [{ model: "" }, '`model` is "", expected at least 1 character'],
    [{ seeds: 0 }, "`seeds` is 0, expected at least 1"],
    [{ jobs: 1.5 }, "`jobs` is 1.5, expected a whole number"],
    [{ optimizers: "adamx" }, '`optimizers` has "adamx"'],
    [{ metric: "pearson" }, '`metric` is "pearson", expected one of accuracy, f1, matthews, loss for classification'],
    [{ label: ["a", "b"] }, "`label` is one column for classification"],
    [{ epochs: 1, steps: 1 }, "`steps` cannot go with `epochs`"],
  ])("%j", async (changed, message) => {
    const { run } = await workplace();
    await expect(run(changed)).rejects.toThrow(InputError);
    await expect(run(changed)).rejects.toThrow(message);
  });

  test("a folder that holds something else, even with overwrite", async () => {
    const { run, output } = await workplace();
    await mkdir(output, { recursive: true });
    await writeFile(join(output, "configuration.json"), '{"mine": true}');
    for (const overwrite of [false, true]) {
      await expect(run({ overwrite })).rejects.toThrow("holds something else than a comparison; name another.");
    }
    await expect(run({ output: join(output, "configuration.json") })).rejects.toThrow("is a file, expected a folder");
  });

  test("a file among the runs that is none", async () => {
    const { run, output } = await workplace();
    await run({ seeds: 1 });
    const file = join(output, "runs", "adamw-1e-4-0.json");
    await writeFile(file, "{}");
    await expect(run()).rejects.toThrow(`${file} is no result of a run; remove it to have the run made again.`);
  });
});
