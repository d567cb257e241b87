/**
 * `npm run bench`: every measurement that a claim of this project rests on, as one table, and in `bench/results.json`, where
 * rows that are not measured stay as they were. A ratio is the median over rounds in which both sides ran one after the other.
 * Nothing else should run on the machine meanwhile.
 *
 *     npm run bench -- [--torch PYTHON --shared DIR] [--peers DIR] [--only training,sampled,...] [--rounds 5] [--threads 2]
 *
 * The rows of decoders take `--models SmolLM2-135M,...`, and those of images `--models ViT-Base,...`; both a PyTorch that has
 * transformers, as `DIR/tools/peer-hf/setup.sh` installs it.
 *
 * PyTorch is installed by `DIR/tools/peer-pytorch/setup.sh` of the shared folder, the JavaScript peers as README.md says; rows
 * without their peer are marked absent.
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { defaultThreads } from "@nanoadam/engine/node";
import { analysisRows } from "./analysis-rows.js";
import { breakEvenRows } from "./break-even/rows.js";
import { convolutionRows } from "./convolution-rows.js";
import { decoderNames, decoderRows } from "./decoder-rows.js";
import { deltaRows } from "./delta-rows.js";
import { estimateRows } from "./estimate-rows.js";
import { generationRows } from "./generation-rows.js";
import { growthRows } from "./growth-rows.js";
import { javascriptPeerRows } from "./javascript-peers.js";
import { loadingRows } from "./loading-rows.js";
import { optimizerRows } from "./optimizer-rows.js";
import { productRows } from "./product-rows.js";
import { keepRows } from "./results-file.js";
import type { Row } from "./row.js";
import { sampledRows } from "./sampled-rows.js";
import { tableRows } from "./table-rows.js";
import { trainingRows } from "./training-rows.js";
import { turnRows } from "./turn-rows.js";
import { imageModelNames, visionOperatorRows, visionRows } from "./vision-rows.js";
import { wasteRows } from "./waste-rows.js";

const { values: flags } = parseArgs({
  options: {
    torch: { type: "string" },
    shared: { type: "string", default: "../shared" },
    peers: { type: "string" },
    only: { type: "string" },
    models: { type: "string" },
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "5" },
    threads: { type: "string", default: String(defaultThreads()) },
    out: { type: "string", default: fileURLToPath(new URL("../results.json", import.meta.url)) },
  },
});

const [rounds, steps, threads] = [Number(flags.rounds), Number(flags.steps), Number(flags.threads)];
const torch = flags.torch === undefined ? undefined : { python: flags.torch, shared: flags.shared };
const settings = { rounds, steps, threads, torch };

const bertBase = { layers: 12, hidden: 768, heads: 12, batch: 8, length: 128 };

const groups: Readonly<Record<string, () => Promise<readonly Row[]> | readonly Row[]>> = {
  training: () => trainingRows("BERT-base, 8 x 128 tokens", bertBase, settings),
  wide: () =>
    trainingRows(
      "1 layer, 2,048 wide, 8 x 128 tokens",
      { layers: 1, hidden: 2048, heads: 32, batch: 8, length: 128 },
      settings,
    ),
  short: () => trainingRows("BERT-base, 32 x 32 tokens", { ...bertBase, batch: 32, length: 32 }, settings),
  products: () => productRows(settings),
  sampled: () => sampledRows(settings),
  convolutions: () => convolutionRows(),
  "break-even": () => breakEvenRows(settings),
  optimizer: () => optimizerRows(settings),
  waste: () => wasteRows("BERT-base, 8 x 128 tokens", bertBase, threads),
  javascript: () => javascriptPeerRows({ peers: flags.peers, rounds, threads: 1 }),
  estimate: () => estimateRows(settings),
  growth: () => growthRows(settings),
  loading: () => loadingRows(settings),
  tables: () => tableRows(settings),
  turns: () => turnRows(settings),
  decoders: () => decoderRows({ models: chosen(flags.models, decoderNames), threads, rounds, python: flags.torch }),
  vision: () => visionRows({ models: chosen(flags.models, imageModelNames), ...settings, python: flags.torch }),
  "vision-operators": () => visionOperatorRows(chosen(flags.models, imageModelNames), threads),
  generation: () => generationRows({ rounds, threads, python: flags.torch }),
  delta: () => deltaRows(settings),
  analysis: () => analysisRows("BERT-base, 8 x 128 tokens", bertBase, settings),
};

/** The models to measure, all unless named. */
function chosen<Name extends string>(names: string | undefined, known: readonly Name[]): readonly Name[] {
  if (names === undefined) return known;
  return names.split(",").map((name) => {
    const found = known.find((each) => each === name);
    if (found === undefined) throw new Error(`--models has "${name}", expected some of ${known.join(", ")}`);
    return found;
  });
}

function lineOf(row: Row): string {
  if ("absent" in row) return `${row.name}: absent, ${row.absent}`;
  if ("exponent" in row) {
    const points = row.points.map(({ x, y }) => `${x}: ${y.toFixed(0)}`).join(", ");
    return `${row.name}: grows with the power ${row.exponent.toFixed(2)} (${points})`;
  }
  if ("timesStored" in row) {
    return `${row.name}: ${row.timesStored.toFixed(2)} times what is stored (at most ${row.highest.toFixed(2)}; ${row.megabytes.toFixed(0)} and ${row.storedMegabytes.toFixed(0)} MB)`;
  }
  if ("value" in row) {
    const parts = Object.entries(row.parts ?? {}).map(([part, value]) => `${part}: ${value.toPrecision(3)}`);
    return `${row.name}: ${row.value.toPrecision(3)} ${row.unit}${parts.length > 0 ? ` (${parts.join(", ")})` : ""}`;
  }
  const [lowest, highest] = row.spread;
  return `${row.name}: ${row.ratio.toFixed(2)} ${row.ratioMeans} (${lowest.toFixed(2)} to ${highest.toFixed(2)}; ${row.ours.toPrecision(4)} and ${row.peer.toPrecision(4)} ${row.unit})`;
}

const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${threads} threads, Node ${process.versions.node}`;
console.log(machine);
for (const name of flags.only?.split(",") ?? Object.keys(groups)) {
  const measure = groups[name];
  if (measure === undefined)
    throw new Error(`--only has "${name}", expected some of ${Object.keys(groups).join(", ")}`);
  const found = await measure();
  for (const row of found) console.log(lineOf(row));
  keepRows(flags.out, found, machine);
}
