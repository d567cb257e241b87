/** Runs in a thread of their own; its script is the built one. */
import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { AbortError, DivergenceError, InputError } from "../errors.js";
import { builtCommand, isBuilt } from "../testing/crash/child.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyInput, tinyPlace } from "../testing/tiny-run.js";
import type { TrainingObserver } from "../train/observer.js";
import { finetune } from "./finetune.js";
import { resumeFinetuning } from "./resume.js";
import type { RunEvent } from "./run-events.js";

const worker = true;

describe.skipIf(!isBuilt)("a run in a thread of its own (needs npm run build)", () => {
  test("gives the same model, summary and events as one in this thread, and observers are told", async () => {
    const place = await tinyPlace();
    const runs = [false, true].map((isThreaded) => ({
      input: tinyInput(place, { steps: 4, saveEvery: 2 }),
      control: { worker: isThreaded },
    }));
    const told: string[] = [];
    const outcomes: { types: string[]; losses: number[]; weights: Buffer }[] = [];
    for (const { input, control } of runs) {
      const events: RunEvent[] = [];
      const observer: TrainingObserver = {
        onStep: ({ step }) => told.push(`${step}`),
        onSave: () => told.push("save"),
      };
      for await (const event of finetune(input, { ...control, observers: [observer] })) events.push(event);
      outcomes.push({
        types: events.map(({ type }) => type),
        losses: events.flatMap((event) => (event.type === "step" ? [event.loss] : [])),
        weights: await readFile(join(input.output, "model.safetensors")),
      });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[0]?.types.at(-1)).toBe("done");
    expect(told.join(" ")).toBe("1 2 3 4 save 1 2 3 4 save");
  });

  test("leaves this thread free, and takes rows of a program", async () => {
    const input = tinyInput(await tinyPlace(), { steps: 100, eval: tinyRows(8, 3) });
    const rows = (function* () {
      yield* tinyRows(32);
    })();
    let [ticks, steps] = [0, 0];
    const timer = setInterval(() => ticks++, 1);
    for await (const event of finetune({ ...input, train: rows }, { worker })) {
      if (event.type === "step") steps++;
    }
    clearInterval(timer);
    expect(steps).toBe(100);
    expect(ticks).toBeGreaterThan(50);
  });

  test("fails with the errors of any run, and leaves nothing behind", async () => {
    const place = await tinyPlace();
    const failureOf = (run: Promise<unknown>) => run.catch((error: unknown) => error);
    const missing = { ...tinyInput(place), train: join(place.folder, "nothing.csv") };
    const [here, there] = [await failureOf(finetune(missing)), await failureOf(finetune(missing, { worker }))];
    expect(there).toBeInstanceOf(InputError);
    expect(there).toMatchObject({ message: (here as Error).message });

    const wild = tinyInput(place, { optimizer: "sgd", learningRate: 1e30, steps: 20 });
    const diverged = await failureOf(finetune(wild, { worker }));
    expect(diverged).toBeInstanceOf(DivergenceError);
    expect(diverged).toMatchObject({ message: expect.stringMatching(/last good weights are in/) });

    const controller = new AbortController();
    const stopAtThree = { onStep: ({ step }: { step: number }) => step === 3 && controller.abort("enough") };
    const endless = tinyInput(place, { steps: 1_000_000 });
    const control = { worker, signal: controller.signal, observers: [stopAtThree] };
    const aborted = await failureOf(finetune(endless, control));
    expect(aborted).toBeInstanceOf(AbortError);
    expect(aborted).toMatchObject({ cause: "enough", message: expect.stringMatching(/nothing was written$/) });

    const broken: TrainingObserver = {
      onStep() {
        throw new RangeError("the observer is broken");
      },
    };
    await expect(finetune(endless, { worker, observers: [broken] })).rejects.toThrow("the observer is broken");
    expect((await readdir(place.folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("ends when its loop is left, and goes on in another thread", async () => {
    const input = tinyInput(await tinyPlace(), { steps: 12, saveEvery: 5 });
    for await (const event of finetune(input, { worker })) {
      if (event.type === "checkpoint") break;
    }
    expect((await resumeFinetuning(input.output, { worker })).steps).toBe(12);
  });

  test("refuses by name what cannot go there", async () => {
    const input = tinyInput(await tinyPlace());
    const waiting = { betweenSteps: () => undefined };
    await expectRefusal(finetune(input, { worker, observers: [waiting] }), "`betweenSteps` cannot go with `worker`");
    const rows: readonly object[] = [...tinyRows(8), { sentence: "good", label: () => "good" }];
    await expectRefusal(finetune({ ...input, train: rows }, { worker }), "row 9 of `train` cannot go to the thread");
    const rate: unknown = () => 1;
    await expectRefusal(
      finetune({ ...input, learningRate: rate as number }, { worker }),
      "`learningRate` is a function",
    );
    await expectRefusal(
      resumeFinetuning(input.output, { worker, changes: { keep: rate as number } }),
      "`keep` cannot go to the thread",
    );
  });

  test.each([
    ["exits", "process.exit(3)", 3, null],
    ["has an error that nobody catches", 'throw new Error("broken")', 1, null],
    ["is sent a signal", 'process.kill(process.pid, "SIGTERM")', null, "SIGTERM"],
  ])("ends with its process, when that %s", async (_, deed, code, signal) => {
    const place = await tinyPlace();
    const library = pathToFileURL(join(builtCommand, "../../dist/index.js"));
    const script = `
      import { finetune } from ${JSON.stringify(library)};
      const run = finetune(${JSON.stringify(tinyInput(place, { steps: 1_000_000 }))}, { worker: true });
      for await (const { type } of run) if (type === "step") setTimeout(() => { ${deed} });`;
    const file = join(place.folder, "train.mjs");
    await writeFile(file, script);
    const child = spawn(process.execPath, [file], { stdio: "ignore" });
    expect(await new Promise((resolve) => child.on("exit", (...how) => resolve(how)))).toEqual([code, signal]);
  });
});
