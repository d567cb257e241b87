import { readFileSync } from "node:fs";

/**
 * The most memory that this process has held at a time (resident set), in bytes. On Linux as /proc has it, since what
 * `getrusage` says of a child process begins with its parent's figure.
 */
export function peakMemoryBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // There is no such file but on Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
