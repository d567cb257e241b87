/** A whole model's parameters and buffers, read one after another. */
import { sizeOf } from "@nanoadam/engine";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { findBuffers, findSources } from "../checkpoint/pretrained.js";
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";

/** A tensor of a checkpoint, and its entry with which a parameter begins. */
interface Source {
  readonly name: string;
  readonly start: number;
}

/**
 * The checkpoint's tensor of each parameter and buffer.
 * @throws InputError where some are missing, or of another size
 */
export function sourcesOf(checkpoint: Checkpoint, model: Model): ReadonlyMap<string, Source> {
  const { sources } = findSources(checkpoint, model);
  const missing = model.parameters.filter(({ name }) => !sources.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new InputError(
      `${checkpoint.folder} has not all of a ${model.architecture} (${missing.join(", ")} missing, or of another size); run nanoadam finetune first`,
    );
  }
  const buffers = [...findBuffers(checkpoint, model)].map(
    ([name, { entry, start }]) => [name, { name: entry.name, start }] as const,
  );
  return new Map([...sources, ...buffers]);
}

/** Reads parameters and buffers into one memory; the last one is not read again. */
export function parameterReader(checkpoint: Checkpoint, model: Model, sources: ReadonlyMap<string, Source>) {
  const sizes = new Map([...model.parameters, ...model.buffers].map(({ name, shape }) => [name, sizeOf(shape)]));
  const memory = new Float32Array(Math.max(...sizes.values()));
  let held: string | undefined;
  return async (name: string): Promise<Float32Array> => {
    const values = memory.subarray(0, sizes.get(name));
    if (held === name) return values;
    held = undefined;
    const source = sources.get(name);
    await checkpoint.read(source?.name ?? name, values, source?.start);
    held = name;
    return values;
  };
}
