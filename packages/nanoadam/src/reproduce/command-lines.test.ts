/** The commands of a reproduction, with what its user gives in place of their own flags. */
import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { commandLines } from "./command-lines.js";
import { type Reproduction, reproductions } from "./reproductions.js";

const reproduction: Reproduction = {
  name: "two",
  repeats: ["Table 99"],
  claim: "Two runs are better than one.",
  commands: ["compare --seeds 1 --epochs 3 --all-seeds", "analyze --epochs 3 --from-scratch"],
  on: "demo",
};
const demo = { model: ["--model", "encoder"], data: ["--train", "messages.tsv", "--text", "text", "--dropout", "0"] };

const linesOf = (given: readonly string[], of = reproduction) =>
  commandLines(of, { given, demo, output: "out", longFlags: new Map([["-m", "--model"]]) }).map(({ words }) =>
    words.join(" "),
  );

test("run on the demo's model and data, each into a folder of its own", () => {
  expect(linesOf([])).toEqual([
    "compare --seeds 1 --epochs 3 --all-seeds --model encoder --train messages.tsv --text text --dropout 0 --output out/1",
    "analyze --epochs 3 --from-scratch --model encoder --train messages.tsv --text text --dropout 0 --output out/2",
  ]);
});

test("what is given takes the place of their own flag, and of one that cannot go with it", () => {
  const [first = ""] = linesOf(["--steps=4", "--text", "body", "--all-seeds"]);
  expect(first).toBe(
    "compare --seeds 1 --model encoder --train messages.tsv --dropout 0 --steps=4 --text body --all-seeds --output out/1",
  );
});

test("data of one's own go without what the demo's need", () => {
  const [first = ""] = linesOf(["-m", "mine", "--train", "mine.csv"]);
  expect(first).toBe("compare --seeds 1 --epochs 3 --all-seeds -m mine --train mine.csv --output out/1");
});

test("what has to be given, is", async () => {
  const needing: Reproduction = { ...reproduction, on: ["--model", "--tasks"] };
  await expectRefusal(() => linesOf([], needing), "two needs", "give --model and --tasks, as to nanoadam compare");
  expect(linesOf(["-m", "mine", "--tasks=a,b"], needing)[1]).toContain("-m mine --tasks=a,b --output out/2");
});

test("nothing of the paper is repeated by two, and every name is one word", () => {
  const items = reproductions.flatMap(({ repeats }) => repeats);
  expect(new Set(items).size).toBe(items.length);
  for (const { name } of reproductions) expect(name).toMatch(/^[a-z\d-]+$/);
});
