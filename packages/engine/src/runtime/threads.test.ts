import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { defaultThreads, parseProcessorList, physicalCores } from "./threads.js";

/** Linux's files on a process that may use the processors `allowed`; each line of `siblings` is a core. */
function linux(allowed: string, siblings: readonly string[]) {
  const files = new Map([["/proc/self/status", `Name:\tnode\nCpus_allowed_list:\t${allowed}\nMems_allowed:\t1\n`]]);
  for (const list of siblings) {
    for (const processor of parseProcessorList(list)) {
      files.set(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`, `${list}\n`);
    }
  }
  return (path: string) => files.get(path);
}

describe("physical cores", () => {
  test.each<[string, string, readonly string[], number]>([
    ["are the processors where each is a core of its own", "0-3", ["0", "1", "2", "3"], 4],
    ["are half of them with two threads a core, neighbours or not", "0-3", ["0-1", "2-3"], 2],
    ["whatever their numbers", "0-7", ["0,4", "1,5", "2,6", "3,7"], 4],
    ["are those that the process may use", "0-1,8", ["0-1", "2-3", "8-9"], 2],
    ["are counted where only some cores have two threads", "0-2", ["0-1", "2"], 2],
  ])("%s", (_, allowed, siblings, expected) => {
    expect(physicalCores(linux(allowed, siblings))).toBe(expected);
  });

  test("are unknown where Linux does not say, or it is not Linux", () => {
    expect(physicalCores(() => undefined)).toBeUndefined();
    expect(physicalCores(linux("0-1", ["0"]))).toBeUndefined();
    expect(physicalCores(linux("all", ["0"]))).toBeUndefined();
  });
});

test.each<[string, readonly number[]]>([
  ["0", [0]],
  ["0-3", [0, 1, 2, 3]],
  ["0-1,4,6-7", [0, 1, 4, 6, 7]],
  ["", []],
  ["0-", []],
  ["a,b", []],
])("a list %j of processors is %j", (list, expected) => {
  expect(parseProcessorList(list)).toEqual(expected);
});

test("by default there is at least one thread, and no more than processors", () => {
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
  expect(defaultThreads()).toBeLessThanOrEqual(availableParallelism());
});
