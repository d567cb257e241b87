/**
 * A process that fine-tunes and watches itself: `watched-run.js SETTINGS` takes a JSON object and prints its figures as another.
 *
 * - Times are between the ends of steps, with nothing switched on.
 * - Allocations on the heap are V8's sampling profile at an interval of 64 bytes, objects collected since included, so that it
 *   does not matter when the collector runs; it says which function allocated, so which file, and whether that is ours. Array
 *   buffers lie outside that heap: they are what `process.memoryUsage` counts more after a step than before it. A collection can
 *   only lower that, so the largest of some steps is what a step allocates, given a young generation so large
 *   (`--max-semi-space-size`) that there are steps without one.
 * - Where time goes is V8's profile of the processor by file, a run of ONNX Runtime being one function to it; and with `operators`
 *   ONNX Runtime's own profile, a file for each session, by operator. It slows a run down, so it wants a run of its own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type HeapProfiler, type Profiler, Session } from "node:inspector";
import { basename, dirname, join } from "node:path";
import { type FinetuneInput, finetune, type TrainingObserver } from "nanoadam";
import { InferenceSession } from "onnxruntime-node";

export interface WatchedRunSettings {
  /** But for the steps, which are as many as it takes. */
  readonly finetune: FinetuneInput;
  /** Steps before anything is watched. */
  readonly warmUpSteps: number;
  /** Whether to profile ONNX Runtime's operators, and where its files may lie. */
  readonly operators?: string;
}

export interface WatchedRunFigures {
  /** Of each timed step. */
  readonly milliseconds: readonly number[];
  /** Bytes a step on the heap, by file. */
  readonly heapBytes: Readonly<Record<string, number>>;
  /** Bytes of array buffers after each step over those before it. */
  readonly bufferBytes: readonly number[];
  /** Milliseconds a step by file, "onnxruntime" for all of that. */
  readonly millisecondsByFile: Readonly<Record<string, number>>;
  /** Milliseconds of the whole run by operator of ONNX Runtime; empty unless asked for. */
  readonly millisecondsByOperator: Readonly<Record<string, number>>;
}

const timedSteps = 5;
const sampledSteps = 4;
/** Steps after those to warm up. */
const watchedSteps = timedSteps + 2 * sampledSteps;

/** Whose time and memory are not the run's. */
const profiler = "profiler";

class Sums {
  readonly #sums = new Map<string, number>();

  add(key: string, value: number): void {
    this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
  }

  /** The sums divided by the number of steps, largest first. */
  perStep(steps: number): Record<string, number> {
    const means = [...this.#sums].filter(([key]) => key !== profiler).map(([key, sum]) => [key, sum / steps] as const);
    return Object.fromEntries(means.toSorted(([, a], [, b]) => b - a));
  }
}

/** "train/step" for a file of this project, or who else a function belongs to: a built-in function to its caller. */
function ownerOf({ url }: { readonly url: string }, caller: string): string {
  if (url === "") return caller;
  if (url === "node:inspector") return profiler;
  if (url.includes("onnxruntime")) return "onnxruntime";
  if (url.startsWith("wasm:")) return "kernel";
  if (url.includes("/node_modules/") || url.startsWith("node:")) return "Node";
  return `${basename(dirname(url))}/${basename(url, ".js")}`;
}

function heapBytes({ head }: HeapProfiler.SamplingHeapProfile): Record<string, number> {
  const sums = new Sums();
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, caller: string): void => {
    const owner = ownerOf(node.callFrame, caller);
    sums.add(owner, node.selfSize);
    for (const child of node.children) visit(child, owner);
  };
  visit(head, "V8");
  return sums.perStep(sampledSteps);
}

function millisecondsByFile({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Record<string, number> {
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = nodeOf.get(id);
    if (node === undefined) return;
    const owner = ownerOf(node.callFrame, caller);
    owners.set(id, owner);
    for (const child of node.children ?? []) visit(child, owner);
  };
  const [root] = nodes;
  if (root !== undefined) visit(root.id, "V8");
  const sums = new Sums();
  samples.forEach((id, index) => {
    sums.add(owners.get(id) ?? "V8", (timeDeltas[index] ?? 0) / 1000);
  });
  return sums.perStep(sampledSteps);
}

interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

function millisecondsByOperator(folder: string): Record<string, number> {
  const sums = new Sums();
  for (const file of readdirSync(folder)) {
    for (const { cat, name, dur, args } of JSON.parse(readFileSync(join(folder, file), "utf8")) as TraceEvent[]) {
      if (cat === "Node" && name.endsWith("_kernel_time")) sums.add(args?.op_name ?? name, dur / 1000);
    }
  }
  return sums.perStep(1);
}

/** Makes every session write a profile to the folder; returns what ends them all. */
function profileOperators(folder: string): () => void {
  const create = InferenceSession.create.bind(InferenceSession);
  let sessions = 0;
  Object.assign(InferenceSession, {
    async create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
      const profileFilePrefix = join(folder, String(sessions++));
      const session = await create(model, { ...options, enableProfiling: true, profileFilePrefix });
      const release = session.release.bind(session);
      return Object.assign(session, {
        async release() {
          session.endProfiling();
          await release();
        },
      });
    },
  });
  return () => {
    Object.assign(InferenceSession, { create });
  };
}

export async function watchRun({
  finetune: input,
  warmUpSteps,
  operators,
}: WatchedRunSettings): Promise<WatchedRunFigures> {
  const restore = operators === undefined ? undefined : profileOperators(operators);
  const inspector = new Session();
  inspector.connect();
  const milliseconds: number[] = [];
  const bufferBytes: number[] = [];
  const figures = { heapBytes: {}, millisecondsByFile: {} };
  let [stepEnded, buffers] = [0, 0];
  const observer: TrainingObserver = {
    onStep({ step }) {
      const now = performance.now();
      const timed = step - warmUpSteps;
      const bytes = process.memoryUsage().arrayBuffers;
      if (timed > 0 && timed <= timedSteps) {
        milliseconds.push(now - stepEnded);
        bufferBytes.push(bytes - buffers);
      } else if (timed === timedSteps + sampledSteps) {
        inspector.post("HeapProfiler.stopSampling", (_error, { profile }) => {
          figures.heapBytes = heapBytes(profile);
        });
      } else if (timed === timedSteps + 2 * sampledSteps) {
        inspector.post("Profiler.stop", (_error, { profile }) => {
          figures.millisecondsByFile = millisecondsByFile(profile);
        });
      }
      if (timed === timedSteps) {
        inspector.post("HeapProfiler.startSampling", {
          samplingInterval: 64,
          includeObjectsCollectedByMajorGC: true,
          includeObjectsCollectedByMinorGC: true,
        } as HeapProfiler.StartSamplingParameterType);
      } else if (timed === timedSteps + sampledSteps) {
        inspector.post("Profiler.enable");
        inspector.post("Profiler.start");
      }
      [stepEnded, buffers] = [performance.now(), process.memoryUsage().arrayBuffers];
    },
  };
  await finetune({ ...input, steps: warmUpSteps + watchedSteps }, { observers: [observer] });
  inspector.disconnect();
  restore?.();
  return {
    milliseconds,
    bufferBytes,
    ...figures,
    millisecondsByOperator: operators === undefined ? {} : millisecondsByOperator(operators),
  };
}

if (process.argv[1] !== undefined && basename(process.argv[1]) === "watched-run.js") {
  const settings = JSON.parse(process.argv[2] ?? "{}") as WatchedRunSettings;
  process.stdout.write(JSON.stringify(await watchRun(settings)));
}
