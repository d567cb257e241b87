/** What an analysis found, in sentences with its numbers, and what to look for in each of its pictures. */
import type { Analysis, GroupFigures, ProbeRecord } from "../analysis/analysis.js";
import type { Ratio } from "../analysis/relation.js";
import { formatCount } from "../format.js";

/** Two sentences or so each; without markup. */
export interface Finding {
  readonly look: string;
  readonly found: string;
}

/** The probes of an analysis, of which there is one at least. */
export type Probes = readonly [ProbeRecord, ...ProbeRecord[]];

export function probesOf({ probes }: Analysis): Probes | undefined {
  const [first, ...others] = probes;
  return first === undefined ? undefined : [first, ...others];
}

export const lastOf = (probes: Probes): ProbeRecord => probes.at(-1) ?? probes[0];

/** A number to three digits, as one reads it; a dash where there is none. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

const percent = (share: number | null | undefined): string =>
  share === null || share === undefined || !Number.isFinite(share) ? "–" : `${figure(100 * share)}\u00a0%`;

/** Measures of the whole, or where everything is the head's, of the first layer. */
export function wholeOf({ whole, layers }: ProbeRecord): GroupFigures | undefined {
  return whole ?? layers[0];
}

/** How many times what chance would give the ratio is. */
export function relativeRatio(ratio: Ratio | undefined): number {
  return ratio === undefined ? Number.NaN : ratio.value / ratio.byChance;
}

const atSteps = (probes: Probes, of: (probe: ProbeRecord) => string) =>
  probes.map((probe) => `${of(probe)} at step ${formatCount(probe.step)}`).join(", ");

export function densityFinding(probes: Probes): Finding {
  const times = relativeRatio(wholeOf(lastOf(probes))?.ratio);
  const verdict = !Number.isFinite(times)
    ? ""
    : times < 0.5
      ? " At the last look large gradients keep to small weights."
      : times < 0.8
        ? " At the last look large gradients lean to small weights."
        : times < 1.25
          ? " At the last look large gradients lie on weights of all sizes, as by chance."
          : " At the last look large gradients lean to large weights.";
  return {
    look: "Each picture counts entries by the size of their weight (across) and of their gradient (up), darker where there are more; both axes are logarithmic. Of the entries with a weight of like size, one in a hundred has a gradient above the line. Where large gradients keep to small weights, as the paper has it of fine-tuning, the line falls to the right; where it is level, they do not depend on the weights' sizes.",
    found: `Of the 0.01 % of largest gradients, half are on weights below ${atSteps(probes, (probe) => figure(wholeOf(probe)?.ratio.atLargestGradients))}; of all entries, half are below ${figure(medianWeight(wholeOf(lastOf(probes))))}.${verdict}`,
  };
}

function medianWeight(figures: GroupFigures | undefined): number {
  return figures === undefined ? Number.NaN : figures.ratio.byChance * figures.ratio.amongSmallGradients;
}

export function ratioFinding(probes: Probes): Finding {
  const last = lastOf(probes);
  const sorted = last.layers.toSorted((a, b) => a.ratio.value - b.ratio.value);
  const [lowest, highest] = [sorted[0], sorted.at(-1)];
  const below = last.layers.filter(({ ratio }) => ratio.value < ratio.byChance).length;
  return {
    look: "r is the median weight at the 0.01 % of largest gradients over the greatest weight at the 80 % of smallest ones (0.009 to 0.2 in the paper's Table 1). The dashed line is what it would be if gradients had nothing to do with weights: only what is below it is the paper's finding.",
    found: `Over all layers r is ${atSteps(probes, (probe) => figure(wholeOf(probe)?.ratio.value))}: ${probes.map((probe) => figure(relativeRatio(wholeOf(probe)?.ratio))).join(", ")} times what it would be by chance. At the last of these it is lowest in ${lowest?.name ?? "none"} (${figure(lowest?.ratio.value)}) and highest in ${highest?.name ?? "none"} (${figure(highest?.ratio.value)}), and below chance in ${below} of ${last.layers.length} layers.`,
  };
}

/** The place of a share among shares. */
const placeOf = (shares: readonly number[], share: number) => shares.indexOf(share);

export function overlapFinding({ shares }: Analysis, probes: Probes): Finding {
  const [row, column] = [placeOf(shares.gradients, 1e-4), placeOf(shares.weights, 0.1)];
  const of = (probe: ProbeRecord) => percent(wholeOf(probe)?.overlap[row]?.[column]);
  return {
    look: "How much of the largest gradients the smallest weights have. On the dashed line weights have their share and no more; above it large gradients prefer small weights.",
    found: `The smallest 10 % of the weights have ${atSteps(probes, of)} of the 0.01 % of largest gradients; chance would give them 10 %.`,
  };
}

export function caughtFinding({ shares, selection }: Analysis, probes: Probes): Finding {
  const row = placeOf(shares.gradients, 1e-3);
  const of = (probe: ProbeRecord) => percent(wholeOf(probe)?.caught[row]);
  const squares = (probe: ProbeRecord) => percent(wholeOf(probe)?.caughtSquares);
  return {
    look: `What NanoAdam would move: the smallest ${percent(selection.density)} of the weights of each tensor. Look how far the lines are above the dashed one, which is that share; what a random selection would catch.`,
    found: `It would catch ${atSteps(probes, of)} of the 0.1 % of largest gradients, and of the sum of all squared gradients ${atSteps(probes, squares)}.`,
  };
}

export function groupsFinding(probes: Probes): Finding {
  const change = wholeOf(lastOf(probes))?.change;
  const times = change === undefined ? Number.NaN : change.smallest / change.largest;
  const compared = Number.isFinite(times) ? `: the smallest ${figure(times)} times as far as the largest` : "";
  return {
    look: "The mean change of the weights that began as the smallest 30 %, the middle 40 % and the largest 30 % of their tensor. The paper's Table 7 has the smallest move two to three times as far under AdamW.",
    found: `At the last look the smallest have moved by ${figure(change?.smallest)}, the middle by ${figure(change?.middle)}, the largest by ${figure(change?.largest)}${compared}.`,
  };
}

export function changedFinding({ changed, optimizer }: Analysis): Finding {
  const last = changed.at(-1);
  return {
    look: "The share of all weights that differ from what they began as. The paper's Figure 12c has NanoAdam below 20 % and MicroAdam above 90 %.",
    found: `${optimizer} has changed ${percent(last?.share)} of the weights by step ${formatCount(last?.step ?? 0)}.`,
  };
}

export function shiftFinding(probes: Probes): Finding {
  const sorted = lastOf(probes).layers.toSorted((a, b) => b.change.shift - a.change.shift);
  const [most, least] = [sorted[0], sorted.at(-1)];
  return {
    look: "The l2 norm of what the matrices of each layer moved by. Look for layers that a run leaves alone, and for those that carry it.",
    found: `${most?.name ?? "none"} moved farthest, by ${figure(most?.change.shift)}, and ${least?.name ?? "none"} least, by ${figure(least?.change.shift)}.`,
  };
}

/** Undefined where no step was taken. */
export function rateFinding({ optimizer }: Analysis, probes: Probes): Finding | undefined {
  const { learningRate, layers } = lastOf(probes);
  if (learningRate === undefined) return undefined;
  const known = layers.filter(({ effectiveRate }) => effectiveRate !== undefined);
  const sorted = known.toSorted((a, b) => (a.effectiveRate ?? 0) - (b.effectiveRate ?? 0));
  const [least, most] = [sorted[0], sorted.at(-1)];
  return {
    look: "The mean of lr / (sqrt(v) + eps) over the entries that are updated. It falls with the schedule, and is high where gradients are small: rows of rare words make most of an embedding's. The paper's Figure 18 has NanoAdam's above AdamW's.",
    found:
      least === undefined
        ? `There is none: ${optimizer} has no second moments here that are Adam's, corrected for all entries alike.`
        : `At the last look ${optimizer}'s is lowest in ${least.name} (${figure(least.effectiveRate)}) and highest in ${most?.name ?? least.name} (${figure(most?.effectiveRate)}).`,
  };
}

/** All findings of an analysis, in the order of its page. */
export function analysisFindings(analysis: Analysis): readonly Finding[] {
  const probes = probesOf(analysis);
  if (probes === undefined) return [];
  const rates = rateFinding(analysis, probes);
  return [
    densityFinding(probes),
    ratioFinding(probes),
    overlapFinding(analysis, probes),
    caughtFinding(analysis, probes),
    groupsFinding(probes),
    changedFinding(analysis),
    shiftFinding(probes),
    ...(rates === undefined ? [] : [rates]),
  ];
}
