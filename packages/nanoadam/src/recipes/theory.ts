import { join } from "node:path";
import { makeFolder } from "../files/make-folder.js";
import { writeFileAtomically } from "../files/write-file.js";
import type { TheoryOptions } from "../options/theory-options.js";
import { checkTheory } from "../theory/checks.js";
import { runExperiment, type Setting, type Variant } from "../theory/experiment.js";
import { contestsOf, rangesOf } from "../theory/findings.js";
import { type Theory, theoryPage } from "../theory/report.js";
import { openRuntime } from "./open-runtime.js";

/** What the paper leaves open of the data and the network; the last is how its text reads at first. */
const settings: readonly Setting[] = [
  ...[20, 50, 200].flatMap((samples) => [
    { samples, scalePower: -1, lossFactor: 1 },
    { samples, scalePower: -0.5, lossFactor: 1 },
    { samples, scalePower: 0, lossFactor: 0.5 },
  ]),
  { samples: 200, scalePower: 0, lossFactor: 1 },
];

const variants: readonly Variant[] = ([1, 2] as const).flatMap((extraNeurons) =>
  (["small", "gradient"] as const).flatMap((criterion): Variant[] => [
    ...[0.1, 0.2, 0.3].map((density) => ({ criterion, density, extraNeurons, selection: "once" as const })),
    { criterion, density: 0.3, extraNeurons, selection: "every step" },
  ]),
);

/** Repeats the paper's toy experiment and checks its theory; writes `theory.html` and `theory.json` into a folder. */
export async function theory(
  options: TheoryOptions,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<Theory> {
  const { seeds, steps, output, threads } = options;
  const runtime = await openRuntime({ threads, engine: undefined });
  const outcomes = await runExperiment(runtime, { seeds, steps, settings, variants, onProgress });
  const found: Theory = { seeds, steps, outcomes, checks: checkTheory(seeds) };
  const contests = contestsOf(outcomes);
  const figures = { seeds, steps, ranges: rangesOf(contests), contests, checks: found.checks };
  await makeFolder(output);
  await writeFileAtomically(join(output, "theory.html"), theoryPage(found));
  await writeFileAtomically(join(output, "theory.json"), `${JSON.stringify(figures, null, 1)}\n`);
  return found;
}
