import { expect, test } from "vitest";
import { loadAhead } from "./load-ahead.js";

test("the next item is loaded while one is in use, and no further one", async () => {
  const begun: number[] = [];
  const load = async (item: number) => {
    begun.push(item);
    return 10 * item;
  };
  const loaded = loadAhead([1, 2, 3, 4], load);
  expect(begun).toEqual([]);
  expect((await loaded.next()).value).toBe(10);
  expect(begun).toEqual([1, 2]);
  const rest: number[] = [];
  for await (const value of loaded) rest.push(value);
  expect(rest).toEqual([20, 30, 40]);
  expect(await loadAhead([], load).next()).toEqual({ done: true, value: undefined });
});

test("what goes wrong is thrown in its turn, or never", async () => {
  const load = async (item: number) => {
    if (item === 2) throw new Error("damaged");
    return item;
  };
  const loaded = loadAhead([1, 2, 3], load);
  expect((await loaded.next()).value).toBe(1);
  await new Promise((resolve) => setTimeout(resolve));
  await expect(loaded.next()).rejects.toThrow("damaged");
  const left = loadAhead([1, 2], load);
  expect((await left.next()).value).toBe(1);
  await left.return(undefined);
});
