/**
 * What makes NanoAdam better, on four small data sets of different kinds: NanoAdam as it is and AdamW at several rates, and
 * variations of NanoAdam at its best rate with the same seeds, so the same rows, batches and dropout. Every run is a line of
 * `docs/quality.jsonl`, and is not made again; more seeds are a larger number. Several calls share the work:
 *
 *     node bench/dist/quality/main.js [--shared ../shared] [--out runs/quality] [--seeds 3] [--only messages,SST-2] [--part 1/2]
 *     node bench/dist/quality/main.js --rates [--seeds 3]
 *     node bench/dist/quality/main.js --write
 *
 * The second makes the runs at all rates, of which `tasks.ts` names the best; the third writes what came of all into `docs/ablation.md`.
 * `--match dense,warmup` makes only the runs of contestants with one of these in their names, `--minutes 20` begins none after that.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { earlierTasks } from "./earlier.js";
import { qualitySection, withSection } from "./page.js";
import { isOf, perform, type RunRow, readRows } from "./runs.js";
import { qualityTasks } from "./tasks.js";
import { contestantCells, rateCells } from "./variations.js";

const { values: flags } = parseArgs({
  options: {
    shared: { type: "string", default: "../shared" },
    out: { type: "string", default: "runs/quality" },
    seeds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    match: { type: "string", default: "" },
    part: { type: "string", default: "1/1" },
    minutes: { type: "string", default: "Infinity" },
    rates: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
const ledger = docs("quality.jsonl");

if (flags.write) {
  const page = docs("ablation.md");
  const earlier = earlierTasks(JSON.parse(readFileSync(docs("optimizers.json"), "utf8")));
  writeFileSync(page, withSection(readFileSync(page, "utf8"), qualitySection(readRows(ledger), qualityTasks, earlier)));
} else {
  const [part = 1, parts = 1] = flags.part.split("/").map(Number);
  const cells = (flags.rates ? rateCells : contestantCells)(Number(flags.seeds))
    .filter(({ task }) => isAmong(task.name, flags.only))
    .filter(({ contestant }) => isAmong(contestant.name, flags.match))
    .filter((_, index) => index % parts === part - 1);
  // Files of its own, as other calls write theirs.
  const place = { shared: flags.shared, out: join(flags.out, `part-${part}`) };
  const end = performance.now() + 60_000 * Number(flags.minutes);
  for (const [done, cell] of cells.entries()) {
    if (performance.now() > end) break;
    if (readRows(ledger).some((row) => isOf(row, cell))) continue;
    console.log(`${done + 1} of ${cells.length}: ${lineOf(await perform(ledger, place, cell))}`);
  }
}

/** Whether a name has one of the parts in it, which commas are between. */
function isAmong(name: string, parts: string): boolean {
  return parts.split(",").some((part) => name.includes(part));
}

function lineOf({ task, contestant, learningRate, seed, evaluation, processorSeconds }: RunRow): string {
  const { loss = Number.NaN, accuracy = Number.NaN } = evaluation ?? {};
  const figures = evaluation === undefined ? "diverged" : `loss ${loss.toFixed(4)}, accuracy ${accuracy.toFixed(4)}`;
  return `${task}, ${contestant}, rate ${learningRate.toExponential()}, seed ${seed}: ${figures} (${processorSeconds} s of processor)`;
}
