import { totalmem } from "node:os";

/** The memory that this process may have, in bytes: the machine's, or what its container or control group is limited to. */
export function memoryLimit(): number {
  // 0, or more than there is, where there is no limit.
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Whether blocks of a megabyte or more go back to the system when they are freed: glibc does so where its variable is set, as docs/cli.md advises. */
export function returnsFreedMemory(): boolean {
  return process.platform !== "linux" || process.env.MALLOC_MMAP_THRESHOLD_ !== undefined;
}
