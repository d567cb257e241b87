/** A run, and the line that is kept of it. */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DivergenceError, finetune } from "nanoadam";
import type { Place } from "./tasks.js";
import type { Cell } from "./variations.js";

export interface RunRow {
  readonly task: string;
  /** The contestant's name. */
  readonly contestant: string;
  readonly learningRate: number;
  readonly seed: number;
  /** On the rows that are measured, in the end; absent where the run diverged. */
  readonly evaluation?: { readonly loss: number; readonly accuracy: number };
  /** Of all threads, with loading and measuring. */
  readonly processorSeconds: number;
}

export function readRows(ledger: string): RunRow[] {
  if (!existsSync(ledger)) return [];
  const lines = readFileSync(ledger, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as RunRow);
}

/** Whether a run need not be made again. */
export function isOf(row: RunRow, { task, contestant, learningRate, seed }: Cell): boolean {
  const isSame = row.task === task.name && row.contestant === contestant.name;
  return isSame && row.learningRate === learningRate && row.seed === seed;
}

/** Makes a run and adds its line to the ledger. */
export async function perform(ledger: string, place: Place, cell: Cell): Promise<RunRow> {
  const { task, contestant, learningRate, seed } = cell;
  const output = join(place.out, `model-${process.pid}`);
  const before = process.cpuUsage();
  const run = finetune({ ...task.input(place), ...contestant.options, learningRate, seed, output, overwrite: true });
  const evaluation = await run.then(
    ({ evaluation }) => kept(evaluation.final),
    (error: unknown) => {
      if (error instanceof DivergenceError) return undefined;
      throw error;
    },
  );
  const { user, system } = process.cpuUsage(before);
  const row: RunRow = {
    ...{ task: task.name, contestant: contestant.name, learningRate, seed },
    ...(evaluation === undefined ? {} : { evaluation }),
    processorSeconds: Number(((user + system) / 1e6).toFixed(1)),
  };
  appendFileSync(ledger, `${JSON.stringify(row)}\n`);
  rmSync(output, { recursive: true, force: true });
  return row;
}

function kept({ loss, accuracy }: { readonly loss: number; readonly accuracy?: number }): RunRow["evaluation"] {
  return { loss, accuracy: accuracy ?? Number.NaN };
}
