/**
 * What a network forgets by learning something else: CIFAR ResNets that learn flowers, and a small BERT that learns SST-2 and then
 * CoLA, by NanoAdam at three densities, AdamW, MicroAdam and SGD, each at three rates or four with one seed, and at the best of them with
 * two more. A file for each run is in OUT; a repeated call makes those that are not there, and goes on with one that was stopped. Several
 * calls share the work:
 *
 *     node bench/dist/forgetting/main.js [--shared ../shared] [--out runs/forgetting] [--only cifar-resnet20] [--part 1/2]
 *     node bench/dist/forgetting/main.js --write
 *
 * The second writes the tables and pictures of `docs/forgetting-results.md` from the runs that there are. `--match adamw` makes only
 * runs with that in their names.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { missingCells } from "./figures.js";
import { pictureFile, tradeOff } from "./picture.js";
import { perform, type RunResult, resultOf } from "./runs.js";
import { cellsOf, nameOf, type Study, studies } from "./studies.js";
import { resultsPage } from "./tables.js";

const { values: flags } = parseArgs({
  options: {
    shared: { type: "string", default: "../shared" },
    out: { type: "string", default: "runs/forgetting" },
    only: { type: "string" },
    part: { type: "string", default: "1/1" },
    match: { type: "string", default: "" },
    write: { type: "boolean", default: false },
  },
});

const all = studies(flags.shared, flags.out);
const chosen = all.filter(({ name }) => flags.only === undefined || name === flags.only);
if (chosen.length === 0)
  throw new Error(`--only is ${flags.only}, expected one of ${all.map(({ name }) => name).join(", ")}`);

const resultsOf = (study: Study): RunResult[] => cellsOf(study).flatMap((cell) => resultOf(flags.out, cell) ?? []);

if (flags.write) {
  const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
  writeFileSync(docs("forgetting-results.md"), resultsPage(all, resultsOf));
  const lines = all.flatMap(resultsOf).map((result) => `${JSON.stringify(result)}\n`);
  writeFileSync(docs("forgetting.jsonl"), lines.join(""));
  for (const study of all) writeFileSync(docs(pictureFile(study)), tradeOff(study, resultsOf(study)));
} else {
  const [part = 1, parts = 1] = flags.part.split("/").map(Number);
  const wanted = () =>
    chosen
      .flatMap((study) => missingCells(study, resultsOf(study)))
      .filter((cell) => nameOf(cell).includes(flags.match))
      .filter(({ study, contestant }) => study.contestants.indexOf(contestant) % parts === part - 1);
  // Seen anew after each: the last of an optimizer's first runs says which further ones are wanted.
  for (let [cell, ...others] = wanted(); cell !== undefined; [cell, ...others] = wanted()) {
    console.log(`${lineOf(await perform(flags.out, cell))}; ${others.length} to do`);
  }
}

function lineOf({
  study,
  optimizer,
  learningRate,
  seed,
  seconds,
  processorSeconds,
  report,
  diverged,
}: RunResult): string {
  const figures =
    report?.rows
      .at(-1)
      ?.figures.map((figure) => figure?.toFixed(4))
      .join(" ") ?? `diverged: ${diverged}`;
  const time = `${seconds.toFixed(0)} s, ${processorSeconds.toFixed(0)} s of processor`;
  return `${study}, ${optimizer}, rate ${learningRate.toExponential()}, seed ${seed}: ${figures} (${time})`;
}
