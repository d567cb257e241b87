/** Runs that fail leave nothing behind in their process. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { tinyInput, tinyPlace } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";

const isLinux = process.platform === "linux";
const held = () => ({
  threads: readdirSync("/proc/self/task").length,
  descriptors: readdirSync("/proc/self/fd").length,
});

/** Runs of this many failing ones, `npm run crash` makes 100. */
const runs = process.env.CRASH_ROUNDS === undefined ? 20 : 100;

test.skipIf(!isLinux)(
  `${runs} failing runs leave as many threads and descriptors as one`,
  { timeout: 300_000 },
  async () => {
    const place = await tinyPlace();
    const failing = async (hook: "onStart" | "onStep") => {
      const observer = {
        [hook]: () => {
          throw new Error("enough");
        },
      };
      const input = tinyInput(place, { threads: 2, sampledBelow: 1 });
      await expect(finetune(input, { observers: [observer] })).rejects.toThrow("enough");
    };
    await failing("onStart");
    await failing("onStep");
    const after = held();
    for (let run = 1; run < runs; run++) await failing(run % 2 === 0 ? "onStart" : "onStep");
    // A thread of the engine or of a worker is gone a moment after it was told to end.
    await expect.poll(() => held().threads, { timeout: 5000 }).toBeLessThanOrEqual(after.threads);
    expect(held().descriptors).toBeLessThanOrEqual(after.descriptors);
  },
);
