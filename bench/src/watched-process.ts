/** A run that watches itself (`watched-run.ts`), in a process of its own, and rows of what it saw. */
import { fileURLToPath } from "node:url";
import { outputOf } from "./child-process.js";
import type { FigureRow } from "./row.js";
import type { WatchedRunFigures, WatchedRunSettings } from "./watched-run.js";

const script = fileURLToPath(new URL("watched-run.js", import.meta.url));

export function watchedRun(settings: WatchedRunSettings): WatchedRunFigures {
  const command = ["--max-semi-space-size=128", script, JSON.stringify(settings)];
  return JSON.parse(outputOf(process.execPath, command)) as WatchedRunFigures;
}

/** A row of a sum and its larger parts. */
export function sumRow(name: string, unit: string, parts: Readonly<Record<string, number>>): FigureRow {
  const value = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const larger = Object.entries(parts).filter(([, part]) => part >= value / 200);
  return { name, value, unit, parts: Object.fromEntries(larger) };
}
