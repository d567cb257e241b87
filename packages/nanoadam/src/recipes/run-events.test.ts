import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { AbortError, InputError } from "../errors.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyInput, tinyPlace } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";
import { resumeFinetuning } from "./resume.js";
import { type RunEvent, startRun } from "./run-events.js";
import type { RunSummary } from "./summary.js";

/** All events of a run, which may end with an error. */
async function eventsOf(run: AsyncIterable<RunEvent>): Promise<{ events: RunEvent[]; error?: unknown }> {
  const events: RunEvent[] = [];
  try {
    for await (const event of run) events.push(event);
    return { events };
  } catch (error) {
    return { events, error };
  }
}

const typesOf = (events: readonly RunEvent[]) => events.map(({ type }) => type);

describe("a run", () => {
  test("is a promise of its summary, and a loop over what happens", async () => {
    const input = tinyInput(await tinyPlace(), { steps: 4, saveEvery: 2 });
    const run = finetune(input);
    const { events } = await eventsOf(run);
    expect(typesOf(events)).toEqual([
      ...["start", "evaluation", "step", "step", "checkpoint"],
      ...["step", "step", "checkpoint", "evaluation", "done"],
    ]);
    const last = events.at(-1);
    if (last?.type !== "done") throw new Error("the last event is no end");
    expect(await run).toBe(last.summary);
    for (const event of events) {
      if (event.type === "start") expect(event.totalSteps).toBe(4);
      if (event.type === "checkpoint") expect(event.folder).toContain(`checkpoints/step-${event.step}`);
      if (event.type === "checkpoint") expect(existsSync(event.folder)).toBe(true);
      expect(() => JSON.stringify(event)).not.toThrow();
    }
    await expect(async () => eventsOf(run).then(({ error }) => Promise.reject(error))).rejects.toThrow(InputError);
  });

  test("tells the rates that it tries", async () => {
    const input = tinyInput(await tinyPlace(), { steps: 4, learningRate: "auto" });
    expect(typesOf((await eventsOf(finetune(input))).events)).toContain("trial");
  });

  test("ends when its loop is left, and lets go of everything", async () => {
    const place = await tinyPlace();
    const input = tinyInput(place, { steps: 100_000 });
    const run = finetune(input);
    let steps = 0;
    for await (const event of run) {
      if (event.type === "step" && ++steps === 3) break;
    }
    await expect(run).rejects.toThrow(/^interrupted after \d+ of 100000 steps; nothing was written$/);
    const error: unknown = await run.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AbortError);
    expect((await readdir(place.folder)).sort()).toEqual(["eval.tsv", "model", "train.tsv"]);
  });

  test("that is left with checkpoints is saved, and goes on as another", async () => {
    const input = tinyInput(await tinyPlace(), { steps: 12, saveEvery: 5 });
    for await (const event of finetune(input)) {
      if (event.type === "checkpoint") break;
    }
    const { events } = await eventsOf(resumeFinetuning(input.output));
    const [start] = events;
    expect(start?.type === "start" && start.completedSteps).toBeGreaterThanOrEqual(5);
    expect(events.at(-1)?.type).toBe("done");
  });

  test("that fails fails in its loop, after what it told; so does one whose signal is aborted", async () => {
    const place = await tinyPlace();
    const { events, error } = await eventsOf(finetune(tinyInput(place, { label: "nothing" })));
    expect(events).toEqual([]);
    expect(error).toBeInstanceOf(InputError);
    const controller = new AbortController();
    controller.abort("enough");
    const aborted = await eventsOf(finetune(tinyInput(place), { signal: controller.signal }));
    expect(typesOf(aborted.events)).toEqual(["start", "evaluation"]);
    expect(aborted.error).toBeInstanceOf(AbortError);
    expect(aborted.error).toMatchObject({ cause: "enough" });
    await expectRefusal(finetune(tinyInput(place, { label: "nothing" })), "nothing");
  });

  test("does not wait for who reads, and keeps the last thousand steps for them", async () => {
    const record = { epoch: 0, loss: 0, learningRate: 0, gradientNorm: 0, tokensPerSecond: 0, examplesPerSecond: 0 };
    const run = startRun({}, async ({ observers = [] }) => {
      for (let step = 1; step <= 2500; step++) {
        for (const observer of observers) observer.onStep?.({ step, ...record });
        if (step % 1000 === 0) for (const observer of observers) observer.onNotice?.(`${step} steps`);
      }
      return {} as RunSummary;
    });
    await run;
    const { events } = await eventsOf(run);
    const steps = events.flatMap((event) => (event.type === "step" ? [event.step] : []));
    expect([steps[0], steps.at(-1), steps.length]).toEqual([1501, 2500, 1000]);
    expect(events.filter(({ type }) => type === "notice")).toHaveLength(2);
  });

  test("that nobody loops over rejects as any promise, and one that is looped over only in its loop", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const failing = () => Promise.reject(new Error("broken"));
    await eventsOf(startRun({}, failing));
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    await expect(startRun({}, failing)).rejects.toThrow("broken");
  });
});
