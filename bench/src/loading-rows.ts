/**
 * The memory that it takes to load a checkpoint, and to save it again beyond the memory then held, against its stored size. The
 * bar for loading is 1.15 times that size.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { outputOf } from "./child-process.js";
import type { LoadingFigures } from "./loading-process.js";
import { withModelFolder } from "./model-folder.js";
import { type MemoryRow, median, type Row } from "./row.js";

const child = fileURLToPath(new URL("./loading-process.js", import.meta.url));
const bertBase = { layers: 12, hidden: 768, heads: 12, batch: 1, length: 1 };

function loadAndSave(folder: string): LoadingFigures {
  return JSON.parse(
    outputOf(process.execPath, [child, join(folder, "model"), join(folder, "saved")]),
  ) as LoadingFigures;
}

/** Rows of loading and saving BERT-base, stored and held as float32 and as bfloat16; a fresh process a round. */
export async function loadingRows({ rounds }: { readonly rounds: number }): Promise<Row[]> {
  if (process.platform !== "linux") return [{ name: "Loading a checkpoint", absent: "it is measured on Linux only" }];
  const rows: MemoryRow[] = [];
  for (const [format, dtype] of [
    ["float32", "F32"],
    ["bfloat16", "BF16"],
  ] as const) {
    const { stored, figures } = await withModelFolder(
      bertBase,
      (folder) => ({
        stored: statSync(join(folder, "model", "model.safetensors")).size,
        figures: Array.from({ length: rounds }, () => loadAndSave(folder)),
      }),
      dtype,
    );
    for (const phase of ["loading", "saving"] as const) {
      const growth = figures.map((found) => found[phase]);
      rows.push({
        name: `BERT-base in ${format}: memory that ${phase} adds`,
        timesStored: median(growth) / stored,
        highest: Math.max(...growth) / stored,
        megabytes: median(growth) / 1e6,
        storedMegabytes: stored / 1e6,
      });
    }
  }
  return rows;
}
