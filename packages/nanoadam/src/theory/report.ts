/** The page of the theory: figures, tables and checks, each with what the paper has. */
import { escapeMarkup } from "../escape-markup.js";
import { colourOf } from "../watch/draw.js";
import { page, rowsTable } from "../watch/page.js";
import type { Checks } from "./checks.js";
import { drawFlows, drawNeurons } from "./draw.js";
import type { Outcome, Variant } from "./experiment.js";
import { type Contest, contestsOf, rangesOf, type Spread } from "./findings.js";
import type { Neuron } from "./two-layer.js";

export interface Theory {
  readonly seeds: number;
  readonly steps: number;
  readonly outcomes: readonly Outcome[];
  readonly checks: Checks;
}

const short = (value: number) => (Number.isFinite(value) ? value.toPrecision(2) : "none");
const spread = ({ mean, deviation }: Spread) => `${short(mean)} ± ${short(deviation)}`;

/** One self-contained page. */
export function theoryPage(theory: Theory): string {
  const contests = contestsOf(theory.outcomes);
  const { seeds, steps } = theory;
  return page(
    "The theory of small weights",
    [
      "<h1>The theory of small weights</h1>",
      `<p>A student of 20 neurons learns a teacher of two in ${steps} steps at rate 2, then the teacher with one or two more in ${steps} steps at rate 1, moving only the entries of small weight or of large gradient. ${seeds} seed${seeds === 1 ? "" : "s"}. Paper: section 4 and Appendix E.</p>`,
      figure(theory, 1, "Figure 3: one neuron more"),
      figure(theory, 2, "Figure 7: two neurons more"),
      "<h2>Tables 8 and 9: ranges over what the paper leaves open</h2>",
      '<p class="quiet">The paper, one neuron more: test loss 0.0094 ± 0.012 of small weights, 0.017 ± 0.015 of large gradients; l2 shift 0.027 ± 0.0040 and 0.057 ± 0.032. Two more: 0.038 ± 0.040 and 0.063 ± 0.033; 0.042 ± 0.0077 and 0.097 ± 0.071. It does not say how many samples, which share of the weights, the scale of the output, or what the shift is divided by. Here the loss is the mean squared error over all inputs, in closed form, and the shift the norm over all weights.</p>',
      rangesTable(contests),
      "<h2>Every setting</h2>",
      contestsTable(contests),
      checksSection(theory.checks),
    ].join("\n"),
    "<style>.charts.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); }</style>\n",
  );
}

/** The first seed's neurons, in the setting of most samples whose outputs are divided by the root of the count of neurons. */
function figure({ outcomes }: Theory, extraNeurons: 1 | 2, title: string): string {
  const shown = outcomes.filter(
    ({ seed, setting, variant, error }) =>
      seed === 0 &&
      error !== undefined &&
      variant.extraNeurons === extraNeurons &&
      variant.selection === "once" &&
      setting.scalePower === -0.5,
  );
  const pick = (criterion: Variant["criterion"]) =>
    shown
      .filter(({ variant }) => variant.criterion === criterion)
      .toSorted((a, b) => b.setting.samples - a.setting.samples || b.variant.density - a.variant.density)[0];
  const [small, gradient] = [pick("small"), pick("gradient")];
  if (small === undefined || gradient === undefined) return "";
  const wanted = [...small.teacher, ...small.extra];
  const panels: readonly (readonly [string, readonly Neuron[], readonly Neuron[]])[] = [
    ["before, enlarged", small.before, []],
    ["pretrained", small.pretrained, small.teacher],
    ["fine-tuned, small weights", small.finetuned, wanted],
    ["fine-tuned, large gradients", gradient.finetuned, wanted],
  ];
  const { setting, variant } = small;
  const figures = panels.map(
    ([name, network, rings]) =>
      `<figure>\n<figcaption><strong>${escapeMarkup(name)}</strong></figcaption>\n${drawNeurons(`${title}, ${name}`, network, rings)}\n</figure>`,
  );
  return [
    `<h2>${escapeMarkup(title)}</h2>`,
    `<p>Arrows are neurons, |a| w; <span class="key" style="--colour: ${colourOf(0)}">positive a</span><span class="key" style="--colour: ${colourOf(1)}">negative a</span>. Dashed rings are the teacher's; arrows of one direction add up. Look for arrows of pretraining that stay where they are, and for short ones that grow to the new ring. Seed 0, ${setting.samples} samples, ${100 * variant.density} % of each layer. Error ${short(small.error ?? Number.NaN)} by small weights, ${short(gradient.error ?? Number.NaN)} by large gradients.</p>`,
    `<div class="charts small">\n${figures.join("\n")}\n</div>`,
  ].join("\n");
}

const described = ({ extraNeurons, density, selection }: Contest["variant"]) =>
  [extraNeurons === 1 ? "one" : "two", `${100 * density} %`, selection] as const;

function rangesTable(contests: readonly Contest[]): string {
  const span = ([least, greatest]: readonly [number, number]) => `${short(least)} to ${short(greatest)}`;
  const headings = [
    "neurons more",
    "share",
    "selected",
    "settings",
    "error, small",
    "error, gradients",
    "small better in",
    "shift, small",
    "shift, gradients",
    "small moves less in",
  ];
  return rowsTable(
    headings,
    rangesOf(contests).map(({ variant, settings, error, shift, smallIsBetter, smallMovesLess }) => [
      ...described(variant),
      settings,
      span(error.small),
      span(error.gradient),
      smallIsBetter,
      span(shift.small),
      span(shift.gradient),
      smallMovesLess,
    ]),
  );
}

function contestsTable(contests: readonly Contest[]): string {
  const scales: Readonly<Record<string, string>> = { 0: "1", [-0.5]: "1/√n", [-1]: "1/n" };
  const headings = [
    "samples",
    "output times",
    "loss times",
    "neurons more",
    "share",
    "selected",
    "seeds",
    "diverged",
    "error, small",
    "error, gradients",
    "small better",
    "shift, small",
    "shift, gradients",
    "small moves less",
  ];
  return rowsTable(
    headings,
    contests.map(({ setting, variant, seeds, diverged, error, shift, smallIsBetter, smallMovesLess }) => [
      setting.samples,
      scales[setting.scalePower] ?? String(setting.scalePower),
      setting.lossFactor === 1 ? "1" : "1/2",
      ...described(variant),
      seeds,
      diverged,
      ...(seeds === 0
        ? ["none", "none", 0, "none", "none", 0]
        : [
            spread(error.small),
            spread(error.gradient),
            smallIsBetter,
            spread(shift.small),
            spread(shift.gradient),
            smallMovesLess,
          ]),
    ]),
  );
}

function checksSection({ invariant, lemma, theorem }: Checks): string {
  const slopes = theorem.slopes.toSorted((a, b) => a - b);
  const [least = Number.NaN, greatest = Number.NaN] = [slopes[0], slopes.at(-1)];
  return [
    "<h2>The invariant: |a|² − |w|² along the flow</h2>",
    `<p>The flow, integrated over time 5, changes it by ${invariant.flow.toExponential(1)} at most. Gradient descent changes it in proportion to its rate:</p>`,
    rowsTable(
      ["rate", "greatest change"],
      invariant.descent.map(({ rate, drift }) => [String(rate), drift.toExponential(2)]),
    ),
    "<h2>Lemma E.2: a bound by the neurons</h2>",
    `<p>Of ${lemma.networks} random networks, by quadrature, the norm is between ${short(lemma.leastPart)} and ${lemma.greatestPart.toFixed(6)} of its bound by neurons, and that at most ${lemma.greatestPartOfWeights.toFixed(6)} of the one by weights: no bound is broken. A balanced neuron alone is at ${lemma.balanced.toFixed(6)} of the second.</p>`,
    "<h2>Theorem 2.2: the error falls with epsilon</h2>",
    `<p>Slopes of the error over epsilon, both logarithmic, by least squares: ${least.toFixed(3)} to ${greatest.toFixed(3)} over ${slopes.length} draws; 1 is what the theorem says.</p>`,
    `<figure>\n${drawFlows(theorem.flows)}\n</figure>`,
  ].join("\n");
}
