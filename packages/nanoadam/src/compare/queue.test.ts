import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { workThrough } from "./queue.js";

const never = new AbortController().signal;

test("items are worked on in order, no more at a time than asked", async () => {
  const begun: number[] = [];
  let [now, most] = [0, 0];
  await workThrough([1, 2, 3, 4, 5], 2, never, async (item) => {
    begun.push(item);
    most = Math.max(most, ++now);
    await sleep(1);
    now--;
  });
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test("a failure stops what runs beside it, and is thrown when all has ended", async () => {
  const ended: string[] = [];
  const work = async (item: string, signal: AbortSignal) => {
    if (item === "bad") throw new Error("no such column");
    await sleep(60_000, undefined, { signal }).catch(() => ended.push(item));
  };
  await expect(workThrough(["slow", "bad", "other"], 2, never, work)).rejects.toThrow("no such column");
  expect(ended).toEqual(["slow"]);
});

test("an aborted signal stops it with its reason", async () => {
  const interrupt = new AbortController();
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 2) interrupt.abort(new Error("interrupted"));
  };
  await expect(workThrough([1, 2, 3], 1, interrupt.signal, work)).rejects.toThrow("interrupted");
  expect(begun).toEqual([1, 2]);
});
