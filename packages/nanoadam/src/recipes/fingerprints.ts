/** What a run is made from, so that one that goes on knows whether it still is the same. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { adapterConfigFile } from "../checkpoint/adapter-config.js";
import type { Dataset } from "../data/dataset.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import type { PreparedRun } from "../train/prepare.js";

/** Of a file, or of rows: how much there was, and a hash of it. */
export interface Fingerprint {
  /** The option in backticks, and the file where it is one of several. */
  readonly what: string;
  /** Bytes of a file, or of all in a folder; rows of a program. */
  readonly size: number;
  readonly sha256: string;
}

/** A file that a run reads, and what it was when the run began. */
interface Input {
  readonly what: string;
  readonly path: string;
  readonly modified: number;
}

/**
 * Looks at what the run has read, and gives what takes their fingerprints later: hashing all weights takes a while, and a run
 * that saves nothing has no use for it. A file that changes in between gets none that anything has.
 */
export async function fingerprinter(
  options: Pick<FinetuneOptions, "model" | "data" | "retention">,
  run: Pick<PreparedRun, "checkpoint" | "files" | "train" | "evaluation">,
): Promise<() => Promise<readonly Fingerprint[]>> {
  const inputs: Input[] = [];
  for (const [what, path] of pathsOf(options, run)) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) inputs.push({ what, path, modified: found.mtimeMs });
  }
  let taken: Promise<readonly Fingerprint[]> | undefined;
  return () => {
    taken ??= takeAll(options, run, inputs);
    return taken;
  };
}

async function takeAll(
  { data }: Pick<FinetuneOptions, "data">,
  run: Pick<PreparedRun, "train" | "evaluation">,
  inputs: readonly Input[],
): Promise<readonly Fingerprint[]> {
  const prints: Fingerprint[] = [];
  for (const { what, path, modified } of inputs) {
    const found = await stat(path);
    const own = found.isDirectory() ? await printOfFolder(path) : { size: found.size, sha256: await hashOfFile(path) };
    const isSame = found.mtimeMs === modified;
    prints.push({ what, ...own, ...(isSame ? {} : { sha256: "changed while the run went on" }) });
  }
  // What is held out is of the training data.
  const datasets = data.eval === undefined ? [run.train, run.evaluation] : [run.train];
  if (typeof data.train !== "string") prints.push({ what: "`train`", ...(await printOfRows(datasets)) });
  if (data.eval !== undefined && typeof data.eval !== "string") {
    prints.push({ what: "`eval`", ...(await printOfRows([run.evaluation])) });
  }
  return prints;
}

function* pathsOf(
  { data, retention }: Pick<FinetuneOptions, "data" | "retention">,
  { checkpoint, files }: Pick<PreparedRun, "checkpoint" | "files">,
): Iterable<readonly [what: string, path: string]> {
  const weights = new Set([...checkpoint.entries.values()].map(({ file }) => file));
  const configurations = checkpoint.folders.flatMap((folder) =>
    ["config.json", adapterConfigFile].map((name) => join(folder, name)),
  );
  // An adapter and its base have files of the same names.
  const told = new Map<string, number>();
  for (const path of new Set([...configurations, ...weights, ...files.paths])) {
    const name = basename(path);
    const count = (told.get(name) ?? 0) + 1;
    told.set(name, count);
    yield [`${name} of \`model\`${count === 1 ? "" : ` (the ${count}. of that name)`}`, path];
  }
  for (const [option, file] of Object.entries({ train: data.train, eval: data.eval, retain: retention.retain })) {
    if (typeof file === "string") yield [`\`${option}\``, file];
  }
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await hashContent(hash, path);
  return hash.digest("hex");
}

async function hashContent(hash: Hash, path: string): Promise<void> {
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
}

/** Of a folder of images, the names and contents of all files below it. */
async function printOfFolder(folder: string): Promise<Pick<Fingerprint, "size" | "sha256">> {
  const hash = createHash("sha256");
  let size = 0;
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    const found = await stat(path);
    if (!found.isFile()) continue;
    hash.update(`${name.replaceAll("\\", "/")}\0${found.size}\0`);
    await hashContent(hash, path);
    size += found.size;
  }
  return { size, sha256: hash.digest("hex") };
}

/** Rows are read once, so it is the examples that they became. */
async function printOfRows(datasets: readonly Dataset[]): Promise<Pick<Fingerprint, "size" | "sha256">> {
  const hash = createHash("sha256");
  let size = 0;
  for (const dataset of datasets) {
    for (let index = 0; index < dataset.length; index++) {
      hash.update(JSON.stringify(await dataset.load(index, { seed: 0, step: 0 })));
    }
    size += dataset.length;
  }
  return { size, sha256: hash.digest("hex") };
}

/** What differs, a sentence each: which file, what it was and what it is. */
export function differences(then: readonly Fingerprint[], now: readonly Fingerprint[]): string[] {
  const known = new Map(then.map((print) => [print.what, print]));
  const found = new Map(now.map((print) => [print.what, print]));
  return [
    ...then.filter(({ what }) => !found.has(what)).map(({ what }) => `${what} was there and is not`),
    ...now.flatMap((print) => {
      const { what, size, sha256 } = print;
      const before = known.get(what);
      if (before === undefined) return [`${what} was not there and is`];
      if (before.sha256 === sha256) return [];
      const sizes = before.size === size ? `${size} both times` : `${before.size} then, ${size} now`;
      return [`${what} has other content (size ${sizes}; sha256 ${short(before.sha256)} then, ${short(sha256)} now)`];
    }),
  ];
}

function short(sha256: string): string {
  return /^[0-9a-f]{64}$/.test(sha256) ? sha256.slice(0, 12) : sha256;
}
