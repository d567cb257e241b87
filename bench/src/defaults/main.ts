/**
 * `npm run bench:defaults`: how near the default settings come to the best of a grid, for six data sets and two encoders. What
 * has been run is kept in `docs/defaults.json`, so the command goes on where it ended; the table is `docs/defaults.md`.
 *
 *     npm run bench:defaults -- [--shared ../shared] [--threads 2] [--defaults-only]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { finetune } from "nanoadam";
import { type DataSet, dataSets, type EncoderModel, encoderModels } from "./data-sets.js";
import { Ledger } from "./ledger.js";
import { defaultSetting, gridOf, type Setting, settingName } from "./settings.js";
import { writeTable } from "./table.js";

const { values: flags } = parseArgs({
  options: {
    shared: { type: "string", default: "../shared" },
    threads: { type: "string", default: "2" },
    "defaults-only": { type: "boolean", default: false },
  },
});

const docs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
const ledger = new Ledger(docs("defaults.json"));
const temporary = await mkdtemp(join(tmpdir(), "nanoadam-defaults-"));

/** The metric at the end of a run; 0 for one that diverged. */
async function measure(model: EncoderModel, data: DataSet, setting: Setting, seed: number): Promise<void> {
  const key = { model: model.name, data: data.name, setting: settingName(setting), seed };
  if (ledger.has(key)) return;
  const started = performance.now();
  const run = await finetune({
    ...data.options,
    ...setting,
    model: model.folder,
    seed,
    threads: Number(flags.threads),
    evalEvery: 1_000_000,
    output: join(temporary, "model"),
    overwrite: true,
  }).catch((error: unknown) => error);
  const summary = run instanceof Error ? undefined : (run as Awaited<ReturnType<typeof finetune>>);
  const value = summary?.evaluation.final[data.metric] ?? 0;
  const settled = summary === undefined ? {} : { steps: summary.steps, configuration: settledOf(summary) };
  ledger.add({ ...key, value, ...settled });
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(
    `${model.name}, ${data.name}, ${key.setting}, seed ${seed}: ${value.toFixed(3)} (${seconds} s)\n`,
  );
}

function settledOf({ configuration }: { readonly configuration: Readonly<Record<string, unknown>> }) {
  const { learningRate, batchSize, epochs } = configuration;
  return { learningRate, batchSize, epochs };
}

try {
  for (const data of dataSets(flags.shared)) {
    const settings = [defaultSetting, ...(flags["defaults-only"] ? [] : gridOf(data.epochs))];
    for (const setting of settings) {
      for (const model of encoderModels(flags.shared)) {
        for (const seed of data.seeds) await measure(model, data, setting, seed);
      }
    }
  }
  writeTable(docs("defaults.md"), ledger.entries, encoderModels(flags.shared), dataSets(flags.shared));
} finally {
  await rm(temporary, { recursive: true, force: true });
}
