import { statfs } from "node:fs/promises";

/** What file systems and small files take beside the content. */
const margin = { share: 0.01, bytes: 1 << 20 };

/** The bytes that are free where a folder lies, and whether so many fit; they do where the system does not say. */
export async function freeSpace(
  folder: string,
  bytes: number,
): Promise<{ readonly free: number; readonly isEnough: boolean }> {
  const { bavail, bsize, blocks } = await statfs(folder);
  const free = bavail * bsize;
  return { free, isEnough: blocks === 0 || free >= bytes * (1 + margin.share) + margin.bytes };
}
