/** How far work has come, in one line that fits. */
import stringWidth from "string-width";
import { bar } from "./bar.js";
import { sparkline } from "./sparkline.js";
import type { Colors } from "./terminal.js";

export interface ProgressState {
  /** Of all work, from 0 to 1. */
  readonly done: number;
  /** What there is to say, the most important first; each in one or more forms, from the longest to the shortest. */
  readonly fields: readonly (readonly string[])[];
  /** Values whose curve fills what room is left, if there are enough of them. */
  readonly curve?: readonly number[];
}

const gap = "  ";
const curveColumns = { least: 6, most: 20 } as const;

/**
 * A bar, then the fields one after the other until one does not fit, then the curve. Never wider than `columns`.
 */
export function progressLine({ done, fields, curve = [] }: ProgressState, columns: number, colors: Colors): string {
  let line = bar(done, barColumns(columns), colors);
  let left = columns - stringWidth(line);
  for (const forms of fields) {
    const separator = line === "" ? "" : gap;
    const form = forms.find((text) => stringWidth(separator + text) <= left);
    if (form === undefined) break;
    line += separator + form;
    left -= stringWidth(separator + form);
  }
  const room = Math.min(curveColumns.most, left - gap.length);
  if (room < curveColumns.least || curve.length < 2) return line;
  return `${line}${gap}${colors.dim(sparkline(curve, room))}`;
}

function barColumns(columns: number): number {
  if (columns < 24) return 0;
  return columns < 60 ? 4 : columns < 100 ? 10 : 20;
}
