/**
 * A process that loads every weight of a checkpoint folder as it is stored, writes them to a file, and prints by how much its
 * memory peaked above its size before each of the two, in bytes, as JSON. Linux only: the peak that Node reports is that of
 * the parent process where the parent was larger, and cannot be set back.
 *
 *     node bench/dist/loading-process.js FOLDER FILE
 */
import { readFileSync, writeFileSync } from "node:fs";
import { sizeOf } from "@nanoadam/engine";
import { openCheckpoint, type WritableTensor, writeSafetensors } from "nanoadam";

export interface LoadingFigures {
  readonly loading: number;
  readonly saving: number;
}

/** A figure of this process's memory now, in bytes. */
function memory(figure: "VmRSS" | "VmHWM"): number {
  const kilobytes = new RegExp(`${figure}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/self/status has no ${figure}`);
  return Number(kilobytes) * 1024;
}

/** By how many bytes memory peaks during some work above its size before. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  // 5 sets the peak back to what is resident now.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = memory("VmRSS");
  await work();
  return memory("VmHWM") - before;
}

const [, , folder = ".", target = "model.safetensors"] = process.argv;
const tensors: WritableTensor[] = [];
const loading = await growthDuring(async () => {
  const checkpoint = await openCheckpoint(folder);
  for (const { name, shape, dtype } of checkpoint.entries.values()) {
    const size = sizeOf(shape);
    const values = dtype === "BF16" ? new Uint16Array(size) : new Float32Array(size);
    await checkpoint.read(name, values);
    tensors.push({ name, shape, dtype: dtype === "BF16" ? "BF16" : "F32", values });
  }
  await checkpoint.close();
});
const saving = await growthDuring(() => writeSafetensors(target, tensors));
console.log(JSON.stringify({ loading, saving } satisfies LoadingFigures));
