/** A checkpoint pruned by magnitude: the smallest weights of its matrices and convolutions become 0. */
import { basename, join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { adapterConfigFile } from "../checkpoint/adapter-config.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { locateModel } from "../checkpoint/locate-model.js";
import { findSources } from "../checkpoint/pretrained.js";
import { type MagnitudeCut, smallestMagnitudes, zeroSmallest } from "../checkpoint/smallest-magnitudes.js";
import type { CheckpointEntry } from "../checkpoint/weight-files.js";
import { storedBytes, type WritableTensor, writableAs, writeSafetensors } from "../checkpoint/write-safetensors.js";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { copyFileAtomically } from "../files/write-file.js";
import { defineModel } from "../models/architectures.js";
import type { ParameterRole } from "../models/parameters.js";
import { parseOptions } from "../options/parse-options.js";
import { type PruneInput, type PruneOptions, pruneSchema } from "../options/prune-options.js";
import { loadModelFiles } from "../tasks/model-files.js";
import type { NoticeListener } from "../train/observer.js";
import type { CountAndShare } from "../train/parameter-counts.js";
import { copyGenerationConfig } from "./generation-config.js";

/** What became of a checkpoint. */
export interface PruneReport {
  readonly model: string;
  readonly output: string;
  /** The tensors that were pruned. */
  readonly tensors: readonly PrunedTensor[];
  /** Zeros among the entries of those. */
  readonly pruned: CountAndShare;
  /** Zeros among all entries of the checkpoint. */
  readonly zeros: CountAndShare;
}

export interface PrunedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly zeros: number;
}

/**
 * Writes a checkpoint whose smallest weights are 0; everything else is as it was, each tensor in its type. Pruned are the weights of
 * linear layers and convolutions; normalisation layers, biases, tables of embeddings and the head are left, the last two unless
 * options say otherwise.
 * @throws InputError for a folder that is no checkpoint, an adapter, or an output that cannot be written or has the model in it
 */
export async function prune(input: PruneInput, listener: NoticeListener = {}): Promise<PruneReport> {
  const options = parseOptions(pruneSchema, input);
  const folder = await locateModel(options.model, listener.onNotice);
  if ((await readJsonObject(join(folder, adapterConfigFile))) !== undefined) {
    throw new InputError(
      `${options.model} is an adapter; \`merge\` of nanoadam export makes it a whole checkpoint first`,
    );
  }
  const checkpoint = await openModelFolder(folder, undefined, listener.onNotice);
  let output: OutputFolder | undefined;
  try {
    const { backbone } = defineModel(checkpoint.config, oneOutput);
    const files = await loadModelFiles(backbone.input, checkpoint.tokenizerFolder, {
      asked: undefined,
      folder: options.model,
    });
    const chosen = prunedEntries(checkpoint, options);
    output = await OutputFolder.create(options.output, {
      overwrite: options.overwrite,
      inputs: { model: checkpoint.folder },
      tell: (notice) => listener.onNotice?.(notice),
    });
    const report = await writePruned(output, checkpoint, chosen, options);
    for (const file of [join(checkpoint.folder, "config.json"), ...files.paths]) {
      await copyFileAtomically(file, output.path(basename(file)));
    }
    await copyGenerationConfig(checkpoint.folders, output);
    await output.commit();
    return report;
  } finally {
    await output?.discard();
    await checkpoint.close();
  }
}

const oneOutput = { kind: "outputs", per: "example", outputs: 1 } as const;

/** @throws InputError where there is none, or the weights are not those of the model */
function prunedEntries(checkpoint: Checkpoint, options: PruneOptions): readonly CheckpointEntry[] {
  const model = defineModel(checkpoint.config, oneOutput);
  const { sources } = findSources(checkpoint, model);
  const roles = new Map<string, ParameterRole>();
  for (const { name, role } of model.parameters) {
    const source = sources.get(name);
    if (source !== undefined) roles.set(source.name, role);
  }
  const isChosen = ({ name, shape, dtype }: CheckpointEntry) => {
    if (shape.length < 2 || !isFloat(dtype)) return false;
    // What the body does not have is of a head, whichever that is.
    const role = roles.get(name) ?? "head";
    return role === "weight" || (role === "embedding" && options.embeddings) || (role === "head" && options.head);
  };
  return [...checkpoint.entries.values()].filter(isChosen);
}

function isFloat(dtype: CheckpointEntry["dtype"]): boolean {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

async function writePruned(
  output: OutputFolder,
  checkpoint: Checkpoint,
  chosen: readonly CheckpointEntry[],
  { model, share, scope }: PruneOptions,
): Promise<PruneReport> {
  const entries = [...checkpoint.entries.values()].filter(
    ({ dtype, shape }) => isFloat(dtype) || isCount(dtype, shape),
  );
  const memory = new Float32Array(Math.max(...entries.map(({ shape }) => sizeOf(shape))));
  const read = async ({ name, shape }: CheckpointEntry) => {
    const values = memory.subarray(0, sizeOf(shape));
    await checkpoint.read(name, values);
    return values;
  };
  const groups = scope === "tensor" ? chosen.map((entry) => [entry]) : [chosen];
  const cuts = new Map<string, MagnitudeCut>();
  for (const group of groups) for (const [name, cut] of await cutsOf(group, share, read)) cuts.set(name, cut);
  let [zeros, all] = [0, 0];
  const tensors: PrunedTensor[] = [];
  const writable = entries.map((entry): WritableTensor => {
    const { name, shape, dtype } = entry;
    const values = async () => {
      const found = await read(entry);
      const cut = cuts.get(name);
      if (cut !== undefined) zeroSmallest(found, cut);
      const own = found.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0);
      if (cut !== undefined) tensors.push({ name, shape, zeros: own });
      if (isFloat(dtype)) [zeros, all] = [zeros + own, all + found.length];
      return found;
    };
    return { name, shape, dtype: isFloat(dtype) ? writableAs(dtype) : "I64", values };
  });
  await output.requireSpace(storedBytes(writable));
  await writeSafetensors(output.path("model.safetensors"), writable);
  const [prunedZeros, prunedEntries] = tensors.reduce(
    ([zeros, of], tensor) => [zeros + tensor.zeros, of + sizeOf(tensor.shape)] as const,
    [0, 0] as readonly [number, number],
  );
  return {
    model,
    output: output.target,
    tensors,
    pruned: { count: prunedZeros, share: prunedZeros / Math.max(1, prunedEntries) },
    zeros: { count: zeros, share: zeros / Math.max(1, all) },
  };
}

/** A number of its own, as of the batches that running statistics are of; other integers are no weights. */
function isCount(dtype: CheckpointEntry["dtype"], shape: readonly number[]): boolean {
  return dtype === "I64" && shape.length === 0;
}

/** For each tensor of a group, the cut that makes a share of the group's entries 0. */
async function cutsOf(
  group: readonly CheckpointEntry[],
  share: number,
  read: (entry: CheckpointEntry) => Promise<Float32Array>,
): Promise<ReadonlyMap<string, MagnitudeCut>> {
  const size = group.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const readAll = async function* () {
    for (const entry of group) yield await read(entry);
  };
  let cut = await smallestMagnitudes(readAll, Math.round(share * size));
  const cuts = new Map<string, MagnitudeCut>();
  for (const entry of group) {
    cuts.set(entry.name, cut);
    // Those that are just at the cut are taken from the first tensors on.
    if (group.length > 1) cut = zeroSmallest(await read(entry), cut);
  }
  return cuts;
}
