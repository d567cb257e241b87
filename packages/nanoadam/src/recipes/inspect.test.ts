import { join } from "node:path";
import { selectSmallest } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { floatsOf, rawTensor, readTensors, writeTensors } from "../testing/tensors.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { inspect } from "./inspect.js";

test("each tensor's magnitudes and selection are those of its numbers", async () => {
  const model = await writeTinyCheckpoint(join(await temporaryFolder(), "model"), { head: "masked-lm" });
  const stored = await readTensors(join(model, "model.safetensors"));
  const { tensors, entries, selected } = await inspect({ model, density: 0.25 });
  expect(new Set(tensors.map(({ name }) => name))).toEqual(new Set(stored.keys()));
  let [all, chosen] = [0, 0];
  for (const { name, dtype, shape, role, magnitudes, selected: own } of tensors) {
    const tensor = stored.get(name) ?? rawTensor([0], new Float32Array());
    const values = floatsOf(tensor).map(Math.abs);
    all += values.length;
    expect([dtype, shape]).toEqual([tensor.dtype, tensor.shape]);
    expect(magnitudes?.greatest).toBe(Math.max(...values));
    expect(magnitudes?.least).toBe(Math.min(...values));
    expect(magnitudes?.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6);
    const zeros = values.filter((value) => value === 0).length;
    expect(magnitudes?.histogram.reduce((sum, count) => sum + count, zeros)).toBe(values.length);
    if (own === undefined) {
      expect(role === undefined || role === "normalisation", name).toBe(true);
      continue;
    }
    expect(own.count).toBe(selectSmallest(floatsOf(tensor), { density: 0.25 }).count);
    expect(own.upTo).toBe(values.toSorted()[own.count - 1]);
    chosen += own.count;
  }
  expect([entries, selected]).toEqual([all, chosen]);
});

test("a tensor with a number that is not finite is named, and the others are told", async () => {
  const model = await writeTinyCheckpoint(join(await temporaryFolder(), "model"));
  const file = join(model, "model.safetensors");
  const stored = await readTensors(file);
  const broken = "bert.encoder.layer.0.output.dense.bias";
  const { shape = [1] } = stored.get(broken) ?? {};
  const values = new Float32Array(shape[0] ?? 1).fill(Number.NaN);
  await writeTensors(file, new Map([...stored, [broken, rawTensor(shape, values)]]));
  const { tensors } = await inspect({ model });
  const faulty = tensors.filter(({ fault }) => fault !== undefined);
  expect(faulty.map(({ name }) => name)).toEqual([broken]);
  expect(faulty[0]?.fault).toContain(broken);
});

test("the command lists them, or prints JSON", async () => {
  const { stdout, exitCode } = await runCli("inspect", "demo", "--density", "0.1");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^BertForMaskedLM from demo: \d+ tensors, [\d,]+ entries$/m);
  expect(stdout).toMatch(/bert\.encoder\.layer\.0\.output\.dense\.weight/);
  expect(stdout).toMatch(/at a density of 0\.1, [\d,]+ entries \((9|10)\.\d %\) would be selected/);
  const json = await runCli("inspect", "demo", "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ model: "demo", architecture: "BertForMaskedLM", density: 0.1 });
});
