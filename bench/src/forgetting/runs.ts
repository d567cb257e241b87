/** A run, and what is kept of it: a file each. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ContinualReport, continual, DivergenceError } from "nanoadam";
import { type Cell, nameOf } from "./studies.js";

export interface RunResult {
  readonly study: string;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly seed: number;
  readonly seconds: number;
  /** Of all threads. */
  readonly processorSeconds: number;
  /** Why there is no result. */
  readonly diverged?: string;
  readonly report?: KeptReport;
}

/** Of a report what is compared. */
export type KeptReport = Pick<ContinualReport, "tasks" | "rows" | "average" | "forgetting"> & {
  readonly shifts: readonly {
    readonly after: string;
    readonly mean: number;
    readonly overall: number;
    readonly changedShare: number;
    readonly layers: Readonly<Record<string, number>>;
  }[];
};

const fileOf = (out: string, cell: Cell) => join(out, cell.study.name, `${nameOf(cell)}.json`);

/** The result of a run that was made. */
export function resultOf(out: string, cell: Cell): RunResult | undefined {
  const file = fileOf(out, cell);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RunResult) : undefined;
}

/** Makes a run and keeps what came of it; one that was stopped goes on. */
export async function perform(out: string, cell: Cell): Promise<RunResult> {
  const { study, contestant, learningRate, seed } = cell;
  const output = join(out, study.name, nameOf(cell));
  const [started, before] = [performance.now(), process.cpuUsage()];
  const outcome = await continual({ ...study.input, ...contestant.options, learningRate, seed, output }).then(
    (report) => ({ report: kept(report) }),
    (error: unknown) => {
      if (error instanceof DivergenceError) return { diverged: error.message };
      throw error;
    },
  );
  const { user, system } = process.cpuUsage(before);
  const result: RunResult = {
    ...{ study: study.name, optimizer: contestant.name, learningRate, seed },
    seconds: (performance.now() - started) / 1000,
    processorSeconds: (user + system) / 1e6,
    ...outcome,
  };
  const file = fileOf(out, cell);
  mkdirSync(join(out, study.name), { recursive: true });
  // There whole or not at all.
  writeFileSync(`${file}.part`, `${JSON.stringify(result)}\n`);
  renameSync(`${file}.part`, file);
  rmSync(output, { recursive: true, force: true });
  return result;
}

function kept({ tasks, rows, average, forgetting, shifts }: ContinualReport): KeptReport {
  return {
    ...{ tasks, rows },
    ...(average === undefined ? {} : { average }),
    ...(forgetting === undefined ? {} : { forgetting }),
    shifts: shifts.map(({ after, mean, overall, changedShare, layers }) => ({
      ...{ after, mean, overall, changedShare },
      layers: Object.fromEntries(layers.map((each) => [each.layer, each.mean])),
    })),
  };
}
