import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { callState, closeCalls, NativeCalls } from "./native-calls.js";

test("an exiting process waits for the call that another thread is in, and that thread makes no further one", async () => {
  const state = callState();
  const finished = new Int32Array(new SharedArrayBuffer(4));
  // The other thread, as `NativeCalls` leaves and enters: inside, for a while, and then out into a closed state.
  const script = `
    const { state, finished } = require("node:worker_threads").workerData;
    Atomics.store(state, 0, 1);
    require("node:worker_threads").parentPort.postMessage("inside");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    Atomics.store(finished, 0, 1);
    Atomics.store(state, 0, 3);
    Atomics.notify(state, 0);`;
  const worker = new Worker(script, { eval: true, workerData: { state, finished } });
  await new Promise((resolve) => worker.once("message", resolve));
  closeCalls(state);
  expect(Atomics.load(finished, 0)).toBe(1);
  await worker.terminate();
});

test("a thread that makes no call is not waited for, and calls give what they give, also side by side", async () => {
  const state = callState();
  const calls = new NativeCalls(state);
  const both = [calls.make(async () => 1), calls.make(async () => 2)];
  expect(Atomics.load(state, 0)).toBe(1);
  expect(await Promise.all(both)).toEqual([1, 2]);
  await expect(calls.make(() => Promise.reject(new RangeError("of the library")))).rejects.toThrow("of the library");
  expect(Atomics.load(state, 0)).toBe(0);
  closeCalls(state);
  expect(Atomics.load(state, 0)).toBe(3);
});
