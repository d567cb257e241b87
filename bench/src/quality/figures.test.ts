/** The study's figures, from runs that are made up, and its page, from those that were made. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { earlierTasks } from "./earlier.js";
import { compareAll, differences, gain, pooledDeviation, quality } from "./figures.js";
import { qualitySection, withSection } from "./page.js";
import { type RunRow, readRows } from "./runs.js";
import { type QualityTask, qualityTasks } from "./tasks.js";

const task = (name: string): QualityTask => ({
  ...{ name, description: `what ${name} is`, best: { nanoadam: 1e-3, adamw: 1e-5 } },
  rates: { nanoadam: [1e-3, 1e-2], adamw: [1e-4, 1e-5] },
  input: () => ({ model: "model", train: "train.csv" }),
});
const tasks = [task("words"), task("tokens")];

const entry = "--bias-correction entry";
const size = "--share-by size";

function row(name: string, contestant: string, seed: number, right: number, learningRate = 1e-3): RunRow {
  const evaluation = { loss: -Math.log(right), accuracy: right };
  return { task: name, contestant, learningRate, seed, evaluation, processorSeconds: 1 };
}

const rows = tasks.flatMap(({ name }) => [
  row(name, "nanoadam", 0, 0.5),
  row(name, "nanoadam", 1, 0.6),
  row(name, "nanoadam", 0, 0.9, 1e-2),
  row(name, entry, 0, 0.54),
  row(name, entry, 1, 0.66),
  row(name, entry, 2, 0.99),
  row(name, size, 0, 0.47),
  row(name, size, 1, 0.57),
  row(name, "adamw", 0, 0.5, 1e-4),
  row(name, "adamw", 0, 0.52, 1e-5),
]);

test("differences are to the run of the same seed at the task's rate, in points", () => {
  for (const each of tasks) {
    expect(differences(rows, each, entry, quality)).toEqual([expect.closeTo(4), expect.closeTo(6)]);
    expect(differences(rows, each, size, quality)).toEqual([expect.closeTo(-3), expect.closeTo(-3)]);
    expect(differences(rows, each, "adamw", quality)).toEqual([expect.closeTo(2)]);
    expect(differences(rows, each, entry, gain)[0]).toBeCloseTo(100 * Math.log(0.54 / 0.5));
  }
});

test("a difference's error is from the deviation that all contestants have together", () => {
  // Two of 4 and 6 deviate by the root of 2, with one degree of freedom; two of -3 by nothing, with another.
  const deviation = 1;
  for (const each of tasks) expect(pooledDeviation(rows, each, quality)).toBeCloseTo(deviation);
  const [best, next, last] = compareAll(rows, tasks, quality);
  expect(compareAll(rows, tasks, quality)).toHaveLength(3);
  expect(best).toMatchObject({ contestant: entry, helps: true });
  expect(best?.overall).toEqual({ mean: expect.closeTo(5), standardError: expect.closeTo(0.5) });
  expect(next).toMatchObject({ contestant: "adamw", helps: true });
  expect(last).toMatchObject({ contestant: size, helps: false });
});

test("what is behind on one task by more than a deviation does not help", () => {
  const hurt = rows.map((each) =>
    each.contestant === entry && each.task === "tokens" && each.seed < 2 ? row("tokens", entry, each.seed, 0.48) : each,
  );
  expect(compareAll(hurt, tasks, quality).find(({ contestant }) => contestant === entry)?.helps).toBe(false);
});

test("a run that diverged has nothing right", () => {
  const { evaluation: _, ...diverged } = row("words", entry, 0, 0.5);
  expect(quality(diverged)).toBe(0);
});

test("the section stands between two marks, and says what helps", () => {
  const section = qualitySection(rows, tasks, []);
  expect(section).toContain(`than a difference's deviation: \`${entry}\`.`);
  expect(section).toContain("Not run yet: `--dense-learning-rate 0.3`");
  const page = "before\n\n<!-- written from quality.jsonl -->\nstale\n<!-- to here -->\n\nafter\n";
  const written = withSection(page, section);
  expect(written).not.toContain("stale");
  expect(written.startsWith("before") && written.endsWith("after\n")).toBe(true);
  expect(withSection(written, section)).toBe(written);
  expect(() => withSection("nothing", section)).toThrow("The page has no");
});

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

test.skipIf(!existsSync(docs("quality.jsonl")))(
  "docs/ablation.md has what the runs of docs/quality.jsonl came to",
  () => {
    const page = readFileSync(docs("ablation.md"), "utf8");
    const earlier = earlierTasks(JSON.parse(readFileSync(docs("optimizers.json"), "utf8")));
    expect(earlier.map(({ name }) => name)).toEqual(["sst2", "cola", "rte", "stsb"]);
    // Of STS-B at 2e-3, seed 1: 12.23 less 11.84, one of five pairs.
    expect(earlier[3]?.byEntry).toMatchObject({ mean: expect.closeTo(0, 1), seeds: 5 });
    expect(withSection(page, qualitySection(readRows(docs("quality.jsonl")), qualityTasks, earlier))).toBe(page);
  },
);
