/** What a checkpoint has: each tensor's type, shape and magnitudes, and what NanoAdam would select of it. */
import { sizeOf } from "@nanoadam/engine";
import { selectionIndices, selectSmallest } from "@nanoadam/optim";
import { openModelFolder } from "../checkpoint/adapter.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { findSources } from "../checkpoint/pretrained.js";
import { InputError } from "../errors.js";
import { defineModel } from "../models/architectures.js";
import type { ParameterRole } from "../models/parameters.js";
import { type InspectInput, inspectSchema } from "../options/inspect-options.js";
import { parseOptions } from "../options/parse-options.js";

/** A tensor of a checkpoint. */
export interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly entries: number;
  /** What it is in the model; absent where the model has no such tensor before its head. */
  readonly role?: ParameterRole;
  /** Of tensors of numbers with a fraction. */
  readonly magnitudes?: Magnitudes;
  /** What NanoAdam would select; absent of what it updates whole. */
  readonly selected?: SelectedEntries;
  /** Why its numbers cannot be told: one that is not finite, for instance. */
  readonly fault?: string;
}

export interface Magnitudes {
  readonly least: number;
  readonly mean: number;
  readonly greatest: number;
  /** Entries that are 0. */
  readonly zeros: number;
  /** Entries by magnitude, in `histogramEdges`; the first and the last count what is beyond. Zeros are not in it. */
  readonly histogram: readonly number[];
}

export interface SelectedEntries {
  readonly count: number;
  /** The largest magnitude that is selected. */
  readonly upTo: number;
}

export interface Inspection {
  readonly model: string;
  readonly architecture?: string;
  readonly density: number;
  readonly entries: number;
  readonly selected: number;
  readonly tensors: readonly InspectedTensor[];
}

/** Powers of ten between which a histogram counts, two to a decade. */
export const histogramEdges: readonly number[] = Array.from({ length: 15 }, (_, place) => 10 ** (place / 2 - 6));

/** Selections are made in chunks of 32,768 entries, so pieces of a tensor are whole chunks. */
const pieceLength = 32 * 32_768;

/**
 * Looks through a checkpoint, a piece of a tensor at a time: 4 MB are held, however large it is.
 * @param onTensor called before each tensor is read, with how many entries were done, of how many
 * @throws InputError for a folder that is no checkpoint, or is damaged.
 */
export async function inspect(
  input: InspectInput,
  onTensor: (name: string, done: number, of: number) => void = () => undefined,
): Promise<Inspection> {
  const { model, density } = parseOptions(inspectSchema, input);
  const checkpoint = await openModelFolder(model);
  try {
    const roles = rolesOf(checkpoint);
    const all = [...checkpoint.entries.values()];
    const entries = all.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const tensors: InspectedTensor[] = [];
    let done = 0;
    for (const { name, dtype, shape } of all) {
      onTensor(name, done, entries);
      const role = roles.get(name);
      const isSelected = role === "weight" || role === "embedding" || role === "bias";
      tensors.push({
        name,
        dtype,
        shape,
        entries: sizeOf(shape),
        ...(role === undefined ? {} : { role }),
        ...(dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16"
          ? await numbersOf(checkpoint, { name, size: sizeOf(shape), density: isSelected ? density : undefined })
          : {}),
      });
      done += sizeOf(shape);
    }
    const { architectures } = checkpoint.config;
    const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
    return {
      model,
      ...(typeof architecture === "string" ? { architecture } : {}),
      density,
      entries,
      selected: tensors.reduce((sum, { selected }) => sum + (selected?.count ?? 0), 0),
      tensors,
    };
  } finally {
    await checkpoint.close();
  }
}

/** What each tensor is in the model before its head; nothing where the architecture is none that we know. */
function rolesOf(checkpoint: Checkpoint): ReadonlyMap<string, ParameterRole> {
  try {
    const model = defineModel(checkpoint.config, { kind: "outputs", per: "example", outputs: 1 });
    const { sources } = findSources(checkpoint, model);
    const found = model.parameters.filter(({ role }) => role !== "head");
    return new Map(
      found.flatMap(({ name, role }) => (sources.has(name) ? [[sources.get(name)?.name ?? name, role]] : [])),
    );
  } catch (error) {
    if (error instanceof InputError) return new Map();
    throw error;
  }
}

interface TensorToRead {
  readonly name: string;
  readonly size: number;
  readonly density: number | undefined;
}

async function numbersOf(
  checkpoint: Checkpoint,
  { name, size, density }: TensorToRead,
): Promise<Pick<InspectedTensor, "magnitudes" | "selected" | "fault">> {
  const piece = new Float32Array(Math.min(pieceLength, size));
  const histogram = new Array<number>(histogramEdges.length + 1).fill(0);
  let [least, greatest, sum, zeros] = [Number.POSITIVE_INFINITY, 0, 0, 0];
  let [count, upTo] = [0, 0];
  try {
    for (let start = 0; start < size; start += pieceLength) {
      const values = piece.subarray(0, Math.min(pieceLength, size - start));
      await checkpoint.read(name, values, start);
      for (const value of values) {
        const magnitude = Math.abs(value);
        least = Math.min(least, magnitude);
        greatest = Math.max(greatest, magnitude);
        sum += magnitude;
        if (magnitude === 0) zeros++;
        else histogram[binOf(magnitude)] = (histogram[binOf(magnitude)] ?? 0) + 1;
      }
      if (density === undefined) continue;
      const selection = selectSmallest(values, { density, name });
      count += selection.count;
      for (const entry of selectionIndices(selection)) upTo = Math.max(upTo, Math.abs(values[entry] ?? 0));
    }
  } catch (error) {
    if (error instanceof InputError) return { fault: error.message };
    throw error;
  }
  return {
    magnitudes: { least: size === 0 ? 0 : least, mean: size === 0 ? 0 : sum / size, greatest, zeros, histogram },
    ...(density === undefined ? {} : { selected: { count, upTo } }),
  };
}

/** The place of a magnitude in a histogram: 0 below the first edge. */
function binOf(magnitude: number): number {
  const place = Math.floor((Math.log10(magnitude) + 6) * 2) + 1;
  return Math.min(histogramEdges.length, Math.max(0, place));
}
