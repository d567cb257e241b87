/** The default number of threads: one for each physical core, as two threads of one core share its arithmetic. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** The physical cores that this process may use, at least 1; all its processors where Linux does not say, or it is not Linux. */
export function defaultThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), physicalCores(readOrNothing) ?? Number.POSITIVE_INFINITY));
}

/**
 * The number of physical cores that a process may use, from Linux's files on it and on its processors; undefined where these
 * cannot be read.
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

/** The numbers of a list such as "0-3,8"; none where it is not such a list. */
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
