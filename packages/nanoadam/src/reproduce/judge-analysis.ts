/** What `nanoadam analyze` found, beside the paper. */
import type { Analysis, GroupFigures, ProbeRecord, TensorFigures } from "../analysis/analysis.js";
import { formatShare } from "../format.js";
import { type Finding, medianOf, rangeOf, threeDigits } from "./finding.js";
import { outcomeIn } from "./outcome.js";

/** An analysis, and one from random weights where there is one: Figures 1, 2 and 5, Tables 1 and 7. */
export async function gradientsAndWeights([folder, fromScratch]: readonly string[]): Promise<readonly Finding[]> {
  const analysis = await outcomeIn<Analysis>(folder, "analysis.json");
  const last = analysis.probes.at(-1);
  const attention = (last?.tensors ?? []).filter(isAttention);
  const head = last?.tensors.find(({ role, shape }) => role === "head" && shape.length > 1);
  const middle = medianOf(attention.map(timesChance));
  return [
    ...(fromScratch === undefined
      ? []
      : [beginnings(analysis, await outcomeIn<Analysis>(fromScratch, "analysis.json"))]),
    {
      what: "Table 1: r of queries, keys and values in the end",
      paper: "0.009 to 0.2",
      here: rangeOf(attention.map(({ ratio }) => ratio.value)),
      holds: attention.every(({ ratio }) => ratio.value <= 0.2),
    },
    {
      what: "the same as a multiple of what chance gives, the median",
      paper: "below 1, if small weights are why",
      here: threeDigits(middle),
      holds: middle < 1,
    },
    {
      what: "Figure 1: the new head is the exception, r over chance",
      paper: "higher than the layers'",
      here: head === undefined ? "none" : threeDigits(timesChance(head)),
      holds: head !== undefined && timesChance(head) > middle,
    },
    overlap(analysis, last),
    change(last),
  ];
}

/** Figure 18, of a NanoAdam and an AdamW run, halfway; Figure 16 and Table 5, in the end. */
export async function effectiveRates(folders: readonly string[]): Promise<readonly Finding[]> {
  const [nanoadam, adamw] = await Promise.all(folders.map((folder) => outcomeIn<Analysis>(folder, "analysis.json")));
  const halfway = (analysis: Analysis | undefined) => analysis?.probes.at(-2)?.whole?.effectiveRate ?? Number.NaN;
  const shift = (analysis: Analysis | undefined) =>
    medianOf((analysis?.probes.at(-1)?.layers ?? []).map((layer) => layer.change.shift));
  const beside = (of: (analysis: Analysis | undefined) => number) =>
    `${threeDigits(of(nanoadam))} and ${threeDigits(of(adamw))}`;
  const changed = nanoadam?.changed.at(-1)?.share ?? Number.NaN;
  return [
    {
      what: "Figure 18: effective learning rate of NanoAdam and AdamW",
      paper: "NanoAdam's is the largest",
      here: beside(halfway),
      holds: halfway(nanoadam) > halfway(adamw),
    },
    {
      what: "Table 5, Figure 16: l2 shift of a layer, the median",
      paper: "0.68 and 0.83, a mean",
      here: beside(shift),
      holds: shift(nanoadam) < shift(adamw),
    },
    {
      what: "Figure 12c: weights that NanoAdam has changed",
      paper: "less than 20 %",
      here: formatShare(changed),
      holds: changed < 0.2,
    },
  ];
}

function timesChance({ ratio }: GroupFigures): number {
  return ratio.value / ratio.byChance;
}

function isAttention({ name, shape }: TensorFigures): boolean {
  return shape.length > 1 && /query|key|value|[qkv]_proj|qkv/.test(name);
}

function beginnings(pretrained: Analysis, fresh: Analysis): Finding {
  const first = ({ probes }: Analysis) => (probes[0]?.whole === undefined ? Number.NaN : timesChance(probes[0].whole));
  return {
    what: "Figures 1, 5: r over chance before the first step, pretrained and from scratch",
    paper: "lower where pretrained",
    here: `${threeDigits(first(pretrained))} and ${threeDigits(first(fresh))}`,
    holds: first(pretrained) < first(fresh),
  };
}

function overlap({ shares }: Analysis, last: ProbeRecord | undefined): Finding {
  const [row, column] = [shares.gradients.indexOf(1e-5), shares.weights.indexOf(0.1)];
  const value = last?.whole?.overlap[row]?.[column] ?? Number.NaN;
  return {
    what: "Figure 2: of the largest 0.001 % of gradients, the smallest 10 % of weights have",
    paper: "not all",
    here: formatShare(value),
    holds: value < 1,
  };
}

function change(last: ProbeRecord | undefined): Finding {
  const layers = (last?.layers ?? []).filter(({ name }) => /\d/.test(name));
  const times = layers.map((layer) => layer.change.smallest / layer.change.largest);
  return {
    what: "Table 7: how many times as far as the largest 30 % the smallest 30 % of a layer moved",
    paper: "2.1 to 2.7",
    here: rangeOf(times),
    holds: times.length > 0 && times.every((each) => each > 1),
  };
}
