/** The curves of a run: which there are, and their points. */
import type { RunHistory } from "./history.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Few values, which have a mark each. */
  readonly isMarked: boolean;
}

/** One chart over steps. */
export interface Curve {
  readonly title: string;
  /** What a value is: a number, or a part of a whole. */
  readonly unit: "number" | "share";
  readonly series: readonly Series[];
  /** Steps at which something else begins, and what. */
  readonly sections?: readonly { readonly x: number; readonly label: string }[];
}

/** The curves that there is something of: losses, metrics, then what the optimizer did. */
export function curvesOf({ steps, evaluations }: RunHistory): readonly Curve[] {
  const ofSteps = (name: string, figureOf: (step: RunHistory["steps"][number]) => number | undefined): Series => ({
    name,
    points: thinned(steps.flatMap((step) => pointOf(step.step, figureOf(step)))),
    isMarked: false,
  });
  const ofEvaluations = (
    name: string,
    figureOf: (evaluation: RunHistory["evaluations"][number]) => number | undefined,
  ): Series => ({
    name,
    points: evaluations.flatMap((evaluation) => pointOf(evaluation.step, figureOf(evaluation))),
    isMarked: true,
  });
  const metrics = Object.keys(evaluations[0]?.eval ?? {}).filter((name) => name !== "loss");
  const kept = Object.keys(evaluations[0]?.retained ?? {});
  const curves: Curve[] = [
    {
      title: "Loss",
      unit: "number",
      series: [ofSteps("training", ({ loss }) => loss), ofEvaluations("evaluation", ({ eval: { loss } }) => loss)],
    },
    ...metrics.map(
      (metric): Curve => ({
        title: metric,
        unit: "number",
        series: [ofEvaluations("evaluation", ({ eval: evaluation }) => evaluation[metric])],
      }),
    ),
    ...kept.map(
      (figure): Curve => ({
        title: `Retained: ${figure}`,
        unit: "number",
        series: [ofEvaluations("retained", ({ retained }) => retained?.[figure])],
      }),
    ),
    {
      title: "Learning rate",
      unit: "number",
      series: [ofSteps("learning rate", ({ learningRate }) => learningRate)],
    },
    {
      title: "Gradient norm before clipping",
      unit: "number",
      series: [ofSteps("gradient norm", ({ gradientNorm }) => gradientNorm)],
    },
    { title: "Density of the selections", unit: "share", series: [ofSteps("density", ({ density }) => density)] },
    {
      title: "Share of weights changed",
      unit: "share",
      series: [ofEvaluations("changed", ({ changedShare }) => changedShare)],
    },
    {
      title: "Examples a second",
      unit: "number",
      series: [ofSteps("examples a second", ({ examplesPerSecond }) => examplesPerSecond)],
    },
  ];
  return curves
    .map((curve) => ({ ...curve, series: curve.series.filter(({ points }) => points.length > 0) }))
    .filter(({ series }) => series.length > 0);
}

/** A value that is none, as of a step that diverged, has no point. */
function pointOf(x: number, y: number | undefined | null): Point[] {
  return typeof y === "number" && Number.isFinite(y) ? [{ x, y }] : [];
}

/** More points than pixels show nothing. */
const mostPoints = 400;

/** At most so many points, each the mean of a stretch; the last one ends with the last. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= mostPoints) return points;
  return Array.from({ length: mostPoints }, (_, stretch) => {
    const of = points.slice(
      Math.floor((stretch * points.length) / mostPoints),
      Math.floor(((stretch + 1) * points.length) / mostPoints),
    );
    return { x: of.at(-1)?.x ?? 0, y: of.reduce((sum, { y }) => sum + y, 0) / of.length };
  });
}
