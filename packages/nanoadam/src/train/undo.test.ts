import { createAdamW, createNanoAdam, type Optimizer, takeStep } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { seededNormal } from "../testing/tiny-checkpoint.js";
import { UndoBuffer, type UndoStorage } from "./undo.js";

const size = 60;

function setUp(
  create: (parameters: { name: string; shape: number[]; values: Float32Array }[]) => Optimizer,
  isStored = false,
) {
  const random = seededNormal(5);
  const weights = new Map(["w", "norm"].map((name) => [name, Float32Array.from({ length: size }, random)] as const));
  const optimizer = create([...weights].map(([name, values]) => ({ name, shape: [6, 10], values })));
  const gradients = new Map([...weights.keys()].map((name) => [name, Float32Array.from({ length: size }, random)]));
  const copy = () => new Map([...weights].map(([name, values]) => [name, values.slice()]));
  const memory = new Uint8Array(10_000);
  const storage: UndoStorage = {
    write: (at, bytes) => memory.set(bytes, at),
    read: (at, bytes) => bytes.set(memory.subarray(at, at + bytes.length)),
  };
  const undo = new UndoBuffer(weights, isStored ? { storage, mostInMemory: 4 } : {});
  return { weights, optimizer, gradients, copy, undo };
}

/** Tells the buffer of the tensors that a step is about to move. */
function keepAll(undo: UndoBuffer, optimizer: Optimizer, step: number, names: Iterable<string>): void {
  for (const name of names) undo.onUpdate(step, name, optimizer.need(name));
}

test.each(
  (
    [
      ["AdamW", (parameters: Parameters<Parameters<typeof setUp>[0]>[0]) => createAdamW({ parameters })],
      [
        "NanoAdam with selections that move and shrink",
        (parameters: Parameters<Parameters<typeof setUp>[0]>[0]) =>
          createNanoAdam({
            parameters,
            dense: ["norm"],
            density: 0.5,
            finalDensity: 0.1,
            maskInterval: 1,
            densityInterval: 2,
            totalSteps: 8,
            chunkSize: 25,
          }),
      ],
    ] as const
  ).flatMap(([name, create]) => [
    [`${name}, kept in memory`, create, false] as const,
    [`${name}, large tensors kept out of it`, create, true] as const,
  ]),
)("%s: every step can be taken back, to the bit", (_, create, isStored) => {
  const { weights, optimizer, gradients, copy, undo } = setUp(create, isStored);
  for (let step = 0; step < 8; step++) {
    const before = copy();
    optimizer.prepare();
    keepAll(undo, optimizer, step + 1, weights.keys());
    takeStep(optimizer, gradients, 0.3);
    const after = copy();
    expect(after).not.toEqual(before);
    undo.restore();
    expect(weights).toEqual(before);
    for (const [name, values] of after) weights.get(name)?.set(values);
  }
});

test("what was kept outlives the next selection", () => {
  const { weights, optimizer, gradients, copy, undo } = setUp((parameters) =>
    createNanoAdam({ parameters, density: 0.3, maskInterval: 1, totalSteps: 8 }),
  );
  optimizer.prepare();
  const before = copy();
  keepAll(undo, optimizer, 1, weights.keys());
  takeStep(optimizer, gradients, 0.3);
  optimizer.prepare();
  undo.restore();
  expect(weights).toEqual(before);
});

test("what a step did not move stays as it is", () => {
  const { weights, optimizer, copy, undo } = setUp((parameters) => createAdamW({ parameters }));
  keepAll(undo, optimizer, 1, weights.keys());
  keepAll(undo, optimizer, 2, ["w"]);
  const [moved, still] = [weights.get("w"), weights.get("norm")].map((values) => values?.fill(7));
  const kept = copy();
  undo.restore();
  expect(still).toEqual(kept.get("norm"));
  expect(moved).not.toEqual(kept.get("w"));
});

test("with nothing kept, restoring changes nothing", () => {
  const { weights, copy, undo } = setUp((parameters) => createAdamW({ parameters }));
  const before = copy();
  undo.restore();
  expect(weights).toEqual(before);
});

test("an optimizer that tells before each update may have its step taken back", () => {
  const { weights, optimizer, gradients, copy, undo } = setUp((parameters) => createAdamW({ parameters }));
  for (let step = 1; step <= 3; step++) {
    const before = copy();
    optimizer.prepare();
    optimizer.apply(gradients, 0.3, (name) => undo.onUpdate(step, name, optimizer.need(name)));
    const after = copy();
    expect(after).not.toEqual(before);
    undo.restore();
    expect(weights).toEqual(before);
    for (const [name, values] of after) weights.get(name)?.set(values);
  }
});

test("a tensor of which nothing is needed is not kept", () => {
  const { weights, copy, undo } = setUp((parameters) => createAdamW({ parameters }));
  undo.onUpdate(1, "w", { kind: "nothing" });
  weights.get("w")?.fill(7);
  const now = copy();
  undo.restore();
  expect(weights).toEqual(now);
});
