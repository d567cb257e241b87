/** Whatever way a run ends, the engine keeps nothing of it. */
import { InferenceSession } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import type { TrainingObserver } from "../train/observer.js";
import { finetune } from "./finetune.js";
import { openModel } from "./open-model.js";
import { predictTexts } from "./predict.js";

/** Sessions that were made and not released. */
const held = new Set<InferenceSession>();
let made = 0;

beforeEach(() => {
  held.clear();
  made = 0;
  const create = InferenceSession.create.bind(InferenceSession) as (
    ...parameters: unknown[]
  ) => Promise<InferenceSession>;
  vi.spyOn(InferenceSession, "create").mockImplementation(async (...parameters: unknown[]) => {
    const session = await create(...parameters);
    const release = session.release.bind(session);
    held.add(session);
    made++;
    session.release = async () => {
      held.delete(session);
      await release();
    };
    return session;
  });
});

afterEach(() => vi.restoreAllMocks());

function expectNothingHeld(): void {
  expect(made).toBeGreaterThan(3);
  expect(held.size).toBe(0);
}

test("a run to its end", async () => {
  await tinyRun({ steps: 3 });
  expectNothingHeld();
});

test("a run that diverges", async () => {
  await expect(tinyRun({ learningRate: 1e30, clip: 0, steps: 9 })).rejects.toThrow(/last good weights/);
  expectNothingHeld();
});

test("a run that is interrupted", async () => {
  const controller = new AbortController();
  const observers: TrainingObserver[] = [{ onStep: () => controller.abort("enough") }];
  const run = finetune(tinyInput(await tinyPlace()), { observers, signal: controller.signal });
  await expect(run).rejects.toMatchObject({ name: "AbortError", cause: "enough" });
  expectNothingHeld();
});

test.each(["onStart", "onUpdate", "onStep", "onEvaluation"] as const)(
  "an error thrown by an observer's %s",
  async (hook) => {
    const observer: TrainingObserver = {
      [hook]: () => {
        throw new Error("the observer's own fault");
      },
    };
    // Something is compiled before any observer is called.
    await expect(finetune(tinyInput(await tinyPlace()), { observers: [observer] })).rejects.toThrow("own fault");
    expectNothingHeld();
  },
);

test("an opened model that is released", async () => {
  const { folder } = await tinyRun({ steps: 1 });
  const model = await openModel(folder, { threads: 1 });
  await predictTexts(model, [{ text: "good" }, { text: "a longer text than that" }]);
  await model.release();
  expectNothingHeld();
});
