/**
 * The paper's toy experiment (section 4, Appendix E; Figures 3 and 7, Tables 8 and 9): a student learns a teacher of two neurons, then the
 * teacher with one or two more, moving only entries of small weight or of large gradient. What the paper leaves open is varied.
 */

import { normal, type Runtime, uniform } from "@nanoadam/engine";
import { createSgd, gradientDescent, type Optimizer, type Parameter, selected, takeStep } from "@nanoadam/optim";
import { randomSites } from "../random-streams.js";
import { Networks } from "./networks.js";
import { difference, lengthOf, meanSquare, type Neuron, scaled, valueAt } from "./two-layer.js";

/** What the paper leaves open of the data and the network. */
export interface Setting {
  readonly samples: number;
  /** The power of the count of neurons that the output is multiplied by: 0, -1/2 or -1. */
  readonly scalePower: number;
  /** The loss is the mean square of the errors times this: 1, or 1/2 as some write it. */
  readonly lossFactor: number;
}

/** A way to fine-tune. */
export interface Variant {
  readonly criterion: "small" | "gradient";
  /** The share of each layer that moves. */
  readonly density: number;
  readonly extraNeurons: 1 | 2;
  /** Whether entries are selected once or before every step. */
  readonly selection: "once" | "every step";
}

export interface ExperimentOptions {
  readonly seeds: number;
  /** Of pretraining, and again of fine-tuning. */
  readonly steps: number;
  readonly settings: readonly Setting[];
  readonly variants: readonly Variant[];
  onProgress?(done: number, of: number): void;
}

/** One student, fine-tuned in one way. */
export interface Outcome {
  readonly seed: number;
  readonly setting: Setting;
  readonly variant: Variant;
  /** The mean squared error over all inputs, in closed form, after pretraining and in the end; undefined where it diverged. */
  readonly pretrainedError: number | undefined;
  readonly error: number | undefined;
  /** The l2 norm of what fine-tuning changed, over all weights. */
  readonly shift: number | undefined;
  readonly teacher: readonly Neuron[];
  readonly extra: readonly Neuron[];
  readonly before: readonly Neuron[];
  readonly pretrained: readonly Neuron[];
  readonly finetuned: readonly Neuron[];
}

const neurons = 20;
const pretrainingRate = 2;
const finetuningRate = 1;

/** All students in all settings, each fine-tuned in every way. */
export async function runExperiment(runtime: Runtime, options: ExperimentOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const total = options.settings.length * 2 * options.steps;
  for (const [place, setting] of options.settings.entries()) {
    const report = (done: number) => options.onProgress?.(2 * place * options.steps + done, total);
    outcomes.push(...(await inSetting(runtime, setting, options, report)));
  }
  return outcomes;
}

async function inSetting(
  runtime: Runtime,
  setting: Setting,
  { seeds, steps, variants }: ExperimentOptions,
  report: (done: number) => void,
): Promise<Outcome[]> {
  const sizes = { neurons, samples: setting.samples, outputScale: neurons ** setting.scalePower };
  const students = await Networks.create(runtime, { ...sizes, networks: seeds });
  for (let seed = 0; seed < seeds; seed++) {
    drawStudent(students, seed);
    setTargets(students, seed, teacherOf(seed));
  }
  const before = Array.from({ length: seeds }, (_, seed) => students.neuronsOf(seed));
  const all = parametersOf(students, students.sizes.networks, 0);
  const learning = [createSgd({ parameters: all, momentum: 0 })];
  await descend(students, learning, setting.lossFactor * pretrainingRate, steps, report);

  const tuned = await Networks.create(runtime, { ...sizes, networks: seeds * variants.length });
  const optimizers = variants.map(({ criterion, density, selection }, place) =>
    selected(gradientDescent({ momentum: 0 }), {
      parameters: parametersOf(tuned, seeds, place * seeds),
      ...{ criterion, density, totalSteps: steps, maskInterval: selection === "once" ? steps : 1 },
    }),
  );
  for (const [place, { extraNeurons }] of variants.entries()) {
    for (let seed = 0; seed < seeds; seed++) {
      copyNetwork(students, seed, tuned, place * seeds + seed);
      setTargets(tuned, place * seeds + seed, [...teacherOf(seed), ...extraOf(seed, extraNeurons)]);
    }
  }
  await descend(tuned, optimizers, setting.lossFactor * finetuningRate, steps, (done) => report(steps + done));

  return variants.flatMap((variant, place) =>
    before.map((start, seed): Outcome => {
      const network = place * seeds + seed;
      const [teacher, extra] = [teacherOf(seed), extraOf(seed, variant.extraNeurons)];
      const [pretrained, finetuned] = [students.neuronsOf(seed), tuned.neuronsOf(network)];
      const isLearned = Number.isFinite(students.losses[seed]);
      const isFine = isLearned && Number.isFinite(tuned.losses[network]);
      return {
        ...{ seed, setting, variant, teacher, extra, before: start, pretrained, finetuned },
        pretrainedError: isLearned ? meanSquare(difference(pretrained, teacher)) : undefined,
        error: isFine ? meanSquare(difference(finetuned, [...teacher, ...extra])) : undefined,
        shift: isFine ? shiftOf(students, seed, tuned, network) : undefined,
      };
    }),
  );
}

async function descend(
  networks: Networks,
  optimizers: readonly Optimizer[],
  rate: number,
  steps: number,
  report: (done: number) => void,
): Promise<void> {
  const { neurons, networks: count } = networks.sizes;
  const gradients = new Map<string, Float32Array>();
  for (let network = 0; network < count; network++) {
    gradients.set(`${network}.outer`, networks.outerGradient.subarray(network * neurons, (network + 1) * neurons));
    gradients.set(
      `${network}.inner`,
      networks.innerGradient.subarray(network * neurons * 2, (network + 1) * neurons * 2),
    );
  }
  const share = 2 * (count / optimizers.length);
  const own = optimizers.map((_, place) => new Map([...gradients].slice(place * share, (place + 1) * share)));
  for (let step = 0; step < steps; step++) {
    await networks.differentiate();
    if (networks.losses.every(Number.isNaN)) break;
    for (const [place, optimizer] of optimizers.entries()) takeStep(optimizer, own[place] ?? new Map(), rate);
    if (step % 100 === 99) report(step + 1);
  }
  report(steps);
  await networks.differentiate();
}

/** The layers of `count` networks from `first` on, in place. */
function parametersOf({ outer, inner }: Networks, count: number, first: number): Parameter[] {
  return Array.from({ length: count }, (_, place) => first + place).flatMap((network) => [
    { name: `${network}.outer`, shape: [neurons], values: outer.subarray(network * neurons, (network + 1) * neurons) },
    {
      name: `${network}.inner`,
      shape: [neurons, 2],
      values: inner.subarray(network * neurons * 2, (network + 1) * neurons * 2),
    },
  ]);
}

/** A student whose neurons are drawn in pairs that cancel, and samples of standard normal inputs. */
function drawStudent(networks: Networks, seed: number): void {
  const { samples } = networks.sizes;
  const [weights, inputs] = [0, 1].map((use) => ({ seed, step: 0, site: randomSites.theory(use) }));
  if (weights === undefined || inputs === undefined) return;
  const half = neurons / 2;
  for (let place = 0; place < neurons; place++) {
    const drawn = (number: number) => normal(weights, 3 * (place % half) + number) / Math.sqrt(neurons);
    const at = seed * neurons + place;
    networks.outer[at] = place < half ? drawn(0) : -drawn(0);
    networks.inner[2 * at] = drawn(1);
    networks.inner[2 * at + 1] = drawn(2);
  }
  for (let number = 0; number < 2 * samples; number++) {
    networks.inputs[2 * seed * samples + number] = normal(inputs, number);
  }
}

function setTargets(
  { inputs, targets, sizes: { samples } }: Networks,
  network: number,
  teacher: readonly Neuron[],
): void {
  for (let sample = network * samples; sample < (network + 1) * samples; sample++) {
    targets[sample] = valueAt(teacher, [inputs[2 * sample] as number, inputs[2 * sample + 1] as number]);
  }
}

function copyNetwork(from: Networks, network: number, to: Networks, place: number): void {
  const copy = (source: Float32Array, target: Float32Array, size: number) =>
    target.set(source.subarray(network * size, (network + 1) * size), place * size);
  copy(from.outer, to.outer, neurons);
  copy(from.inner, to.inner, 2 * neurons);
  copy(from.inputs, to.inputs, 2 * from.sizes.samples);
}

function shiftOf(from: Networks, network: number, to: Networks, place: number): number {
  let total = 0;
  const add = (source: Float32Array, target: Float32Array, size: number) => {
    for (let number = 0; number < size; number++) {
      total += ((target[place * size + number] as number) - (source[network * size + number] as number)) ** 2;
    }
  };
  add(from.outer, to.outer, neurons);
  add(from.inner, to.inner, 2 * neurons);
  return Math.sqrt(total);
}

const teacherOf = (seed: number) => drawNeurons(seed, 0, 2);
const extraOf = (seed: number, count: number) => drawNeurons(seed, 2, count);

/** Neurons with an outer weight of 1 or -1 and inner weights of length 1. */
function drawNeurons(seed: number, first: number, count: number): Neuron[] {
  const key = { seed, step: 0, site: randomSites.theory(2) };
  return Array.from({ length: count }, (_, place) => {
    const w = [normal(key, 4 * (first + place)), normal(key, 4 * (first + place) + 1)] as const;
    const a = uniform(key, 1_000_000 + first + place) < 0.5 ? -1 : 1;
    return { a, w: scaled(w, 1 / lengthOf(w)) };
  });
}
