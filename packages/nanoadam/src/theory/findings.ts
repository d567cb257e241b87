/** What the toy experiment amounts to: means over seeds by setting, and their ranges over the settings that the paper leaves open. */
import type { Outcome, Setting, Variant } from "./experiment.js";

export interface Spread {
  readonly mean: number;
  /** Over seeds, the sample's. */
  readonly deviation: number;
}

/** Small weights beside large gradients in one setting, over the seeds that did not diverge in either. */
export interface Contest {
  readonly setting: Setting;
  readonly variant: Omit<Variant, "criterion">;
  readonly seeds: number;
  readonly diverged: number;
  readonly error: Readonly<Record<Variant["criterion"], Spread>>;
  readonly shift: Readonly<Record<Variant["criterion"], Spread>>;
  /** Of the seeds, those in which small weights ended with the smaller error, and had moved less. */
  readonly smallIsBetter: number;
  readonly smallMovesLess: number;
}

export function contestsOf(outcomes: readonly Outcome[]): Contest[] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const { criterion: _, ...variant } = outcome.variant;
    const key = JSON.stringify([outcome.setting, variant]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()].flatMap((group) => contestOf(group));
}

function contestOf(group: readonly Outcome[]): Contest[] {
  const [first] = group;
  if (first === undefined) return [];
  const { criterion: _, ...variant } = first.variant;
  const by = (criterion: Variant["criterion"]) => group.filter((outcome) => outcome.variant.criterion === criterion);
  const pairs = by("small").flatMap((small) => {
    const gradient = by("gradient").find(({ seed }) => seed === small.seed);
    return gradient === undefined ? [] : [{ small, gradient }];
  });
  const fine = pairs.flatMap(({ small, gradient }) => {
    const numbers = [small.error, gradient.error, small.shift, gradient.shift];
    const [smallError, gradientError, smallShift, gradientShift] = numbers;
    if (smallError === undefined || gradientError === undefined) return [];
    if (smallShift === undefined || gradientShift === undefined) return [];
    return [
      { error: { small: smallError, gradient: gradientError }, shift: { small: smallShift, gradient: gradientShift } },
    ];
  });
  const both = (figure: "error" | "shift") => ({
    small: spreadOf(fine.map((each) => each[figure].small)),
    gradient: spreadOf(fine.map((each) => each[figure].gradient)),
  });
  return [
    {
      setting: first.setting,
      variant,
      seeds: fine.length,
      diverged: pairs.length - fine.length,
      error: both("error"),
      shift: both("shift"),
      smallIsBetter: fine.filter(({ error }) => error.small < error.gradient).length,
      smallMovesLess: fine.filter(({ shift }) => shift.small < shift.gradient).length,
    },
  ];
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const square = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(square / (values.length - 1)) };
}

/** One way to fine-tune over all settings: the least and the greatest mean. */
export interface Range {
  readonly variant: Omit<Variant, "criterion">;
  readonly settings: number;
  readonly error: Readonly<Record<Variant["criterion"], readonly [least: number, greatest: number]>>;
  readonly shift: Readonly<Record<Variant["criterion"], readonly [least: number, greatest: number]>>;
  /** Settings in which the mean error of small weights is smaller; in which they move less. */
  readonly smallIsBetter: number;
  readonly smallMovesLess: number;
}

/** The ranges over the settings in which at least half of the seeds did not diverge. */
export function rangesOf(contests: readonly Contest[]): Range[] {
  const groups = new Map<string, Contest[]>();
  for (const contest of contests.filter(({ seeds, diverged }) => seeds > diverged)) {
    const key = JSON.stringify(contest.variant);
    groups.set(key, [...(groups.get(key) ?? []), contest]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const range = (figure: "error" | "shift", criterion: Variant["criterion"]) => {
      const means = group.map((contest) => contest[figure][criterion].mean);
      return [Math.min(...means), Math.max(...means)] as const;
    };
    const both = (figure: "error" | "shift") => ({
      small: range(figure, "small"),
      gradient: range(figure, "gradient"),
    });
    return [
      {
        variant: first.variant,
        settings: group.length,
        error: both("error"),
        shift: both("shift"),
        smallIsBetter: group.filter(({ error }) => error.small.mean < error.gradient.mean).length,
        smallMovesLess: group.filter(({ shift }) => shift.small.mean < shift.gradient.mean).length,
      },
    ];
  });
}
