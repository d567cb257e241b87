/** How many threads a run has unless told: two threads of one core share its arithmetic, so they do not help products. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Threads for as many physical cores as this process may use, at least 1; as far as Linux tells, else for all processors. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), physicalCores(readOrNothing) ?? Number.POSITIVE_INFINITY));
}

/**
 * How many physical cores a process may use, by what the files of Linux say of it and of its processors; undefined where
 * they do not.
 * @param read the text of a file, undefined where it cannot be read
 */
export function physicalCores(read: (path: string) => string | undefined): number | undefined {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read("/proc/self/status") ?? "")?.[1];
  if (allowed === undefined) return undefined;
  const cores = new Set<string>();
  for (const processor of parseProcessorList(allowed)) {
    const siblings = read(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`)?.trim();
    if (!siblings) return undefined;
    cores.add(siblings);
  }
  return cores.size === 0 ? undefined : cores.size;
}

/** The numbers of a list such as "0-3,8": none where it is no such list. */
export function parseProcessorList(list: string): number[] {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return [];
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
