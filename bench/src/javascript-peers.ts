/**
 * One BERT encoder layer, forward and backward, on @nanoadam/engine and on other libraries that train in JavaScript:
 * TensorFlow.js and jax-js, both on WebAssembly. A step yields the output and the gradients of the layer's input and of
 * all 16 parameters, whole and in float32, for a fixed gradient of the output: BERT base's sizes, 8 texts of at most 128
 * tokens, no dropout. Before anything is timed, the output and every gradient are compared with ours.
 *
 * Each round runs one step of each library in turn, in this process; a ratio is of two steps of one round. Both peers
 * run on one thread in Node, and so does ours unless `--threads` says otherwise.
 *
 * The peers are no dependencies of this repository: with what they need they take 300 MB. They are found in a folder
 * that `--peers` or the variable NANOADAM_PEERS names; what is not there is reported as absent.
 *
 *     npm install --prefix DIR @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 @jax-js/jax@0.1.25
 *     node bench/dist/javascript-peers.js --peers DIR [--threads 1] [--rounds 5]
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { engineLayer } from "./encoder-layer/engine.js";
import { jaxPackages, loadJax } from "./encoder-layer/jax.js";
import { bertBase, given, type LayerProblem, layerProblem, type PreparedLayer } from "./encoder-layer/problem.js";
import { loadTensorFlow, tensorflowPackages } from "./encoder-layer/tensorflow.js";
import { type AbsentRow, type MeasuredRow, measuredRow } from "./row.js";

export interface JavascriptPeersOptions {
  /** The folder whose node_modules has the peers; by default NANOADAM_PEERS. */
  readonly peers?: string | undefined;
  /** Threads of our engine; by default 1, as the peers have. */
  readonly threads?: number;
  /** Rounds after the first, which warms up; 5 by default. */
  readonly rounds?: number;
}

interface Peer {
  readonly name: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly load: (folder: string) => Promise<(problem: LayerProblem) => PreparedLayer>;
}

const peers: readonly Peer[] = [
  { name: "TensorFlow.js 4.22.0, WebAssembly", packages: tensorflowPackages, load: loadTensorFlow },
  { name: "jax-js 0.1.25, WebAssembly", packages: jaxPackages, load: loadJax },
];

/** The largest difference from our results that is taken for rounding, as a fraction of the tensor's largest entry. */
const tolerance = 1e-3;

/**
 * Tensors that are measured by another one's largest entry: softmax does not see what is added to all scores of a row,
 * so the gradient of the key's bias is zero but for rounding.
 */
const measuredBy: ReadonlyMap<string, string> = new Map([["key.bias", "query.bias"]]);

/**
 * A row for each peer: the milliseconds of a step there and of ours, or why the peer is absent.
 * @throws Error when a peer's results are not ours.
 */
export async function javascriptPeerRows(options: JavascriptPeersOptions = {}): Promise<(MeasuredRow | AbsentRow)[]> {
  const { peers: folder = process.env.NANOADAM_PEERS, threads = 1, rounds = 5 } = options;
  const loaded = await Promise.all(peers.map((peer) => loadPeer(peer, folder)));
  const present = loaded.filter((peer) => "prepare" in peer);
  if (present.length === 0) return loaded.filter((peer) => "absent" in peer);
  const problem = layerProblem(bertBase);
  const ours = await engineLayer(problem, threads);
  const expected = await ours.results();
  const layers: PreparedLayer[] = [ours];
  for (const { name, prepare } of present) {
    const layer = prepare(problem);
    requireSame(name, expected, await layer.results());
    layers.push(layer);
  }
  const times: number[][] = [];
  for (let round = 0; round <= rounds; round++) times.push(await milliseconds(layers));
  const threadsInWords = threads === 1 ? "one thread each" : `one thread there, ${threads} here`;
  return loaded.map((peer) => {
    if ("absent" in peer) return peer;
    const column = 1 + present.indexOf(peer);
    return measuredRow(
      {
        name: `${peer.name}: an encoder layer forward and backward`,
        unit: "ms",
        ratioMeans: `times our duration, ${threadsInWords}`,
      },
      times.slice(1).map((round) => ({ ours: round[0] ?? Number.NaN, peer: round[column] ?? Number.NaN })),
    );
  });
}

interface LoadedPeer {
  readonly name: string;
  readonly prepare: (problem: LayerProblem) => PreparedLayer;
}

async function loadPeer({ name, packages, load }: Peer, folder: string | undefined): Promise<LoadedPeer | AbsentRow> {
  const needed = Object.entries(packages).map(([packageName, version]) => `${packageName}@${version}`);
  if (folder === undefined) return { name, absent: `no folder was given that has ${needed.join(" and ")}` };
  try {
    for (const [packageName, version] of Object.entries(packages)) requireVersion(folder, packageName, version);
    return { name, prepare: await load(resolve(folder)) };
  } catch (error) {
    return { name, absent: error instanceof Error ? error.message : String(error) };
  }
}

function requireVersion(folder: string, packageName: string, version: string): void {
  const manifest = readFileSync(join(folder, "node_modules", packageName, "package.json"), "utf8");
  const { version: found } = JSON.parse(manifest) as { readonly version: string };
  if (found !== version) throw new Error(`${packageName} is ${found}, expected ${version}`);
}

type Results = ReadonlyMap<string, Float32Array>;

function requireSame(peer: string, expected: Results, results: Results): void {
  for (const [name, values] of expected) {
    const found = given(results, name);
    const difference = largest(values.map((value, index) => value - (found[index] ?? Number.NaN)));
    const scale = largest(given(expected, measuredBy.get(name) ?? name));
    if (!(difference <= tolerance * scale)) {
      throw new Error(`${peer}: "${name}" differs from ours by ${difference}, where entries go up to ${scale}`);
    }
  }
}

/** The largest magnitude; NaN where there is one. */
function largest(values: Float32Array): number {
  return values.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
}

/** The milliseconds of one step of each layer, in turn. */
async function milliseconds(layers: readonly PreparedLayer[]): Promise<number[]> {
  const times: number[] = [];
  for (const layer of layers) {
    const start = performance.now();
    await layer.step();
    times.push(performance.now() - start);
  }
  return times;
}

function tableLine(row: MeasuredRow | AbsentRow): string {
  if ("absent" in row) return `| ${row.name} | absent: ${row.absent} | | |`;
  const [low, high] = row.spread;
  const ratio = `${row.ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}) ${row.ratioMeans}`;
  return `| ${row.name} | ${row.ours.toFixed(0)} ${row.unit} | ${row.peer.toFixed(0)} ${row.unit} | ${ratio} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values: flags } = parseArgs({
    options: {
      peers: { type: "string" },
      threads: { type: "string", default: "1" },
      rounds: { type: "string", default: "5" },
    },
  });
  const rows = await javascriptPeerRows({
    peers: flags.peers,
    threads: Number(flags.threads),
    rounds: Number(flags.rounds),
  });
  console.log(["| peer | ours | the peer | ratio |", "|---|---|---|---|", ...rows.map(tableLine)].join("\n"));
}
