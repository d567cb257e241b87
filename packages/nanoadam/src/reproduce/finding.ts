/** Something that was found, beside what the paper has. */
export interface Finding {
  readonly what: string;
  readonly paper: string;
  readonly here: string;
  /** Whether the paper's claim holds here. */
  readonly holds: boolean;
}

/** Reads what commands have written to their folders, in their order. */
export type Judge = (folders: readonly string[]) => Promise<readonly Finding[]>;

/** A number to three digits. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return "none";
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

/** "0.03 to 0.23" */
export function rangeOf(values: readonly number[], format: (value: number) => string = threeDigits): string {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? "none" : `${format(Math.min(...finite))} to ${format(Math.max(...finite))}`;
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
