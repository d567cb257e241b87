/**
 * Up to which density it pays to compute the selected entries of a weight's gradient alone. The product has one number for
 * every weight (`packages/nanoadam/src/program/gradient-form.ts`); these rows are what it rests on.
 */
import type { FigureRow } from "../row.js";
import { measureBounds } from "./calibration.js";

const tokens = [1024, 256];
const weights = [
  { rows: 256, columns: 256 },
  { rows: 1024, columns: 256 },
  { rows: 768, columns: 768 },
  { rows: 3072, columns: 768 },
  { rows: 768, columns: 3072 },
  { rows: 2048, columns: 2048 },
];

/** For one thread and for `threads`, a row for each size of weight and number of tokens. */
export async function breakEvenRows({ threads }: { readonly threads: number }): Promise<FigureRow[]> {
  const sizes = tokens.flatMap((count) => weights.map((weight) => ({ ...weight, tokens: count })));
  const rows: FigureRow[] = [];
  for (const used of new Set([1, threads])) {
    const bounds = await measureBounds(sizes, used);
    sizes.forEach((each, index) => {
      const gradient = `gradient of a ${each.rows} x ${each.columns} weight from ${each.tokens} tokens`;
      const name = `${gradient}: density up to which sampling pays, ${used} thread${used > 1 ? "s" : ""}`;
      rows.push({ name, value: 100 * (bounds[index] ?? Number.NaN), unit: "%" });
    });
  }
  return rows;
}
