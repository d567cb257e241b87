/** An analysis as one page that needs nothing else: pictures, what to look for in each, and what was found. */
import type { Analysis, ProbeRecord } from "../analysis/analysis.js";
import { escapeMarkup } from "../escape-markup.js";
import { formatCount } from "../format.js";
import { drawDensity, drawLines, extentOf, type Line, type LineChart } from "./analysis-charts.js";
import { colourOf } from "./draw.js";
import {
  caughtFinding,
  changedFinding,
  densityFinding,
  type Finding,
  figure,
  groupsFinding,
  lastOf,
  overlapFinding,
  type Probes,
  probesOf,
  rateFinding,
  ratioFinding,
  shiftFinding,
  wholeOf,
} from "./findings.js";
import { factsTable, page, rowsTable } from "./page.js";

const style = `<style>
:root { --series-2: #7a3fa0; }
@media (prefers-color-scheme: dark) { :root { --series-2: #cda4f5; } }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1rem; }
.panels figure { max-width: 19rem; }
.charts figure { max-width: 36rem; }
.key { white-space: nowrap; }
.key::before { opacity: var(--strength, 1); }
.key.dashed::before { background: repeating-linear-gradient(90deg, var(--colour) 0 0.25em, transparent 0.25em 0.45em); }
section > p { max-width: 60rem; }
.found::before { content: "Found: "; font-weight: 600; }
</style>
`;

/** More layers than this are not drawn: the table and analysis.json have all. */
const mostPictures = 6;

export function analysisHtml(analysis: Analysis, title: string): string {
  const probes = probesOf(analysis);
  const heading = `${title}: weights and gradients`;
  const body = [
    `<h1>${escapeMarkup(heading)}</h1>`,
    ...(probes === undefined ? ["<p>Nothing could be measured.</p>"] : sections(analysis, probes)),
    "<h2>The run</h2>",
    factsTable(factsOf(analysis)),
  ].join("\n");
  return page(heading, body, style);
}

function factsOf(analysis: Analysis): [string, string][] {
  const { model, architecture, fromScratch, task, optimizer, learningRate, totalSteps, probes } = analysis;
  return [
    ["model", `${architecture} from ${model}${fromScratch ? ", from random weights" : ""}`],
    ["task", task],
    ["optimizer", `${optimizer}, learning rate ${figure(learningRate)}`],
    ["steps", formatCount(totalSteps)],
    ["looked at", probes.map(({ step }) => formatCount(step)).join(", ")],
    ["gradients of", `${probes[0]?.examples ?? 0} examples: the batch that the first step begins with`],
  ];
}

function sections(analysis: Analysis, probes: Probes): string[] {
  const rates = rateFinding(analysis, probes);
  const hasRates = lastOf(probes).layers.some(({ effectiveRate }) => effectiveRate !== undefined);
  return [
    section("Weights and their gradients", densityFinding(probes), densities(analysis, probes)),
    section("The ratio r by layer", ratioFinding(probes), lines(ratioChart(probes))),
    section("Large gradients on small weights", overlapFinding(analysis, probes), overlaps(analysis, probes)),
    section("What a selection would catch", caughtFinding(analysis, probes), lines(caughtChart(analysis, probes))),
    section("Change by magnitude", groupsFinding(probes), lines(groupsChart(probes))),
    section("Weights ever changed", changedFinding(analysis), lines(changedChart(analysis))),
    section("Shift by layer", shiftFinding(probes), lines(shiftChart(probes))),
    ...(rates === undefined
      ? []
      : [section("Effective learning rate", rates, hasRates ? lines(rateChart(probes)) : "")]),
    `<section><h2>All layers, at step ${formatCount(lastOf(probes).step)}</h2>\n${layersTable(lastOf(probes))}</section>`,
  ];
}

function section(title: string, { look, found }: Finding, pictures: string): string {
  return `<section><h2>${escapeMarkup(title)}</h2>\n${pictures}\n<p class="quiet">${escapeMarkup(look)}</p>\n<p class="found">${escapeMarkup(found)}</p></section>`;
}

/** Pictures of the whole and of some layers, one for each probe. */
function densities({ axes }: Analysis, probes: Probes): string {
  const names = spread(probes[0].layers.map(({ name }) => name));
  const rows = [
    { name: "All layers", of: (probe: ProbeRecord) => wholeOf(probe) },
    ...names.map((name) => ({ name, of: (probe: ProbeRecord) => probe.layers.find((layer) => layer.name === name) })),
  ];
  const extent = extentOf(
    probes
      .flatMap((probe) => [...probe.layers, ...(probe.whole === undefined ? [] : [probe.whole])])
      .map(({ histogram }) => histogram),
    axes,
  );
  return rows
    .map(({ name, of }) => {
      const figures = probes.flatMap((probe) => {
        const found = of(probe);
        if (found === undefined) return [];
        const step = `step ${formatCount(probe.step)}`;
        const label = `${name} at ${step}: how many entries have which weight and gradient`;
        const drawn = drawDensity(found.histogram, axes, extent, label);
        return [
          `<figure><figcaption><strong>${step}</strong> r ${figure(found.ratio.value)}</figcaption>\n${drawn}</figure>`,
        ];
      });
      return `<h3>${escapeMarkup(name)}</h3>\n<div class="panels">${figures.join("\n")}</div>`;
    })
    .join("\n");
}

/** Some of many, evenly, the first and the last among them. */
function spread(names: readonly string[]): string[] {
  if (names.length <= mostPictures) return [...names];
  return Array.from(
    { length: mostPictures },
    (_, place) => names[Math.round((place * (names.length - 1)) / (mostPictures - 1))] ?? "",
  );
}

function lines(chart: LineChart): string {
  return `<div class="charts"><figure><figcaption>${keysOf(chart)}</figcaption>\n${drawLines(chart)}</figure></div>`;
}

function keysOf({ lines: drawn }: LineChart): string {
  return drawn
    .map(({ name, colour, opacity, isDashed = false }) => {
      const strength = `--colour: ${colour.replace("currentColor", "var(--ink)")}; --strength: ${opacity}`;
      return `<span class="key${isDashed ? " dashed" : ""}" style="${strength}">${escapeMarkup(name)}</span>`;
    })
    .join(" ");
}

/** Later steps are stronger. */
const strengthOf = (place: number, of: number): number => (of === 1 ? 1 : 0.3 + (0.7 * place) / (of - 1));

const stepName = ({ step }: ProbeRecord) => `step ${formatCount(step)}`;

/** A line for each probe. */
function byProbe(probes: readonly ProbeRecord[], pointsOf: (probe: ProbeRecord) => Line["points"]): Line[] {
  return probes.map((probe, place) => ({
    name: stepName(probe),
    colour: colourOf(0),
    opacity: strengthOf(place, probes.length),
    points: pointsOf(probe),
  }));
}

const chance = (points: Line["points"], name = "by chance"): Line => ({
  name,
  colour: "currentColor",
  opacity: 0.7,
  isDashed: true,
  points,
});

/** What tells layers apart: the last part of each name, or the last two. */
export function shortNames(names: readonly string[]): string[] {
  for (const parts of [1, 2, 3]) {
    const short = names.map((name) => name.split(".").slice(-parts).join("."));
    if (new Set(short).size === names.length) return short;
  }
  return [...names];
}

function ofLayers(probe: ProbeRecord, figureOf: (layer: ProbeRecord["layers"][number]) => number): Line["points"] {
  const names = shortNames(probe.layers.map(({ name }) => name));
  return probe.layers.map((layer, place) => ({ x: names[place] ?? "", y: figureOf(layer) }));
}

function layerNames(probes: Probes): string[] {
  return shortNames(probes[0].layers.map(({ name }) => name));
}

function ratioChart(probes: Probes): LineChart {
  const last = lastOf(probes);
  return {
    label: "The ratio r by layer",
    x: "layer",
    names: layerNames(probes),
    isLogarithmic: { y: true },
    lines: [
      ...byProbe(probes, (probe) => ofLayers(probe, ({ ratio }) => ratio.value)),
      chance(ofLayers(last, ({ ratio }) => ratio.byChance)),
    ],
  };
}

/** One chart for each probe, with a line for each share of the largest gradients. */
function overlaps({ shares }: Analysis, probes: Probes): string {
  const charts = probes.flatMap((probe) => {
    const found = wholeOf(probe);
    if (found === undefined) return [];
    const drawn = found.overlap.map(
      (row, place): Line => ({
        name: `largest ${figure(100 * (shares.gradients[place] ?? 0))} %`,
        colour: colourOf(place % 3),
        opacity: 1,
        points: row.map((y, column) => ({ x: shares.weights[column] ?? 0, y })),
      }),
    );
    const diagonal = chance(shares.weights.map((share) => ({ x: share, y: share })));
    const chart: LineChart = {
      label: `The part of the largest gradients that the smallest weights have, at ${stepName(probe)}`,
      x: "share of the weights, the smallest",
      isLogarithmic: { x: true },
      unit: { x: "share", y: "share" },
      lines: [...drawn, diagonal],
    };
    return [
      `<figure><figcaption><strong>${stepName(probe)}</strong>${keysOf(chart)}</figcaption>\n${drawLines(chart)}</figure>`,
    ];
  });
  return `<div class="charts">${charts.join("\n")}</div>`;
}

function caughtChart({ shares, selection }: Analysis, probes: Probes): LineChart {
  const places = (wholeOf(probes[0])?.caught ?? []).map((_, place) => shares.gradients[place] ?? 0);
  return {
    label: "The part of the largest gradients that a selection of NanoAdam would catch",
    x: "share of the gradients, the largest",
    isLogarithmic: { x: true },
    unit: { x: "share", y: "share" },
    lines: [
      ...byProbe(probes, (probe) =>
        (wholeOf(probe)?.caught ?? []).map((y, place) => ({ x: shares.gradients[place] ?? 0, y })),
      ),
      chance(places.map((x) => ({ x, y: selection.density }))),
    ],
  };
}

const groups = ["smallest", "middle", "largest"] as const;

function groupsChart(probes: Probes): LineChart {
  const last = lastOf(probes);
  return {
    label: `The mean change of weights by magnitude and layer, at ${stepName(last)}`,
    x: "layer",
    names: layerNames(probes),
    lines: groups.map((group, place) => ({
      name: `${group} ${group === "middle" ? 40 : 30} %`,
      colour: colourOf(place),
      opacity: 1,
      points: ofLayers(last, ({ change }) => change[group]),
    })),
  };
}

function changedChart({ changed }: Analysis): LineChart {
  const points = changed.toSorted((a, b) => a.step - b.step).map(({ step, share }) => ({ x: step, y: share }));
  return {
    label: "The share of weights that differ from what they began as, by step",
    x: "step",
    unit: { y: "share" },
    lines: [{ name: "weights changed", colour: colourOf(0), opacity: 1, points }],
  };
}

function shiftChart(probes: Probes): LineChart {
  return {
    label: "The l2 norm of what each layer moved by",
    x: "layer",
    names: layerNames(probes),
    lines: byProbe(probes, (probe) => ofLayers(probe, ({ change }) => change.shift)),
  };
}

function rateChart(probes: Probes): LineChart {
  const known = probes.filter(({ learningRate }) => learningRate !== undefined);
  return {
    label: "The mean effective learning rate by layer",
    x: "layer",
    names: layerNames(probes),
    isLogarithmic: { y: true },
    lines: byProbe(known, (probe) => ofLayers(probe, ({ effectiveRate }) => effectiveRate ?? Number.NaN)),
  };
}

function layersTable({ layers }: ProbeRecord): string {
  return rowsTable(
    ["layer", "entries", "r", "by chance", "10 % smallest have of the 0.1 % largest", "caught squares", "l2 shift"],
    layers.map(({ name, entries, ratio, overlap, caughtSquares, change }) => [
      name,
      entries,
      figure(ratio.value),
      figure(ratio.byChance),
      figure(overlap[2]?.[2]),
      figure(caughtSquares),
      figure(change.shift),
    ]),
  );
}
