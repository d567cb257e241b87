/** Lines of a comparison with other software: what was measured against what, or why nothing was. */

export interface MeasuredRow {
  readonly name: string;
  /** Median over the rounds of the peer's time over ours. */
  readonly ratio: number;
  /** The lowest and the highest ratio of a round. */
  readonly spread: readonly [number, number];
  /** Medians, in `unit`. */
  readonly ours: number;
  readonly peer: number;
  readonly unit: string;
  /** The ratio in words. */
  readonly ratioMeans: string;
}

export interface AbsentRow {
  readonly name: string;
  /** Why there is no measurement. */
  readonly absent: string;
}

/** How a figure grows. */
export interface GrowthRow {
  readonly name: string;
  /** The fitted power of x with which y grows. */
  readonly exponent: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Memory that work on a file takes. */
export interface MemoryRow {
  readonly name: string;
  /** Median over the rounds of the memory over the size of the file. */
  readonly timesStored: number;
  /** The highest of a round. */
  readonly highest: number;
  /** Median over the rounds. */
  readonly megabytes: number;
  /** The size of the file. */
  readonly storedMegabytes: number;
}

/** A figure of ours that no peer has, and what it is made of. */
export interface FigureRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly parts?: Readonly<Record<string, number>>;
}

export type Row = MeasuredRow | AbsentRow | GrowthRow | MemoryRow | FigureRow;

/** The time that each side took in one round. */
export interface Round {
  readonly ours: number;
  readonly peer: number;
}

/** A row of several rounds, each of which gives one ratio: what slows a round down slows both of its sides down. */
export function measuredRow(
  { name, unit, ratioMeans }: Pick<MeasuredRow, "name" | "unit" | "ratioMeans">,
  rounds: readonly Round[],
): MeasuredRow {
  const ratios = rounds.map(({ ours, peer }) => peer / ours);
  return {
    name,
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    ours: median(rounds.map(({ ours }) => ours)),
    peer: median(rounds.map(({ peer }) => peer)),
    unit,
    ratioMeans,
  };
}

/** The middle value, or the mean of the two in the middle; NaN without any. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
