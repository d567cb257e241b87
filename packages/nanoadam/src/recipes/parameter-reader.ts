/** A whole model's parameters, read one after another. */
import { sizeOf } from "@nanoadam/engine";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { findSources } from "../checkpoint/pretrained.js";
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";

/**
 * The checkpoint's tensor of each parameter.
 * @throws InputError where some are missing, or of another size
 */
export function sourcesOf(checkpoint: Checkpoint, model: Model): ReadonlyMap<string, string> {
  const { sources } = findSources(checkpoint, model);
  const missing = model.parameters.filter(({ name }) => !sources.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new InputError(
      `${checkpoint.folder} has not all of a ${model.architecture} (${missing.join(", ")} missing, or of another size); run nanoadam finetune first`,
    );
  }
  return new Map([...sources].map(([name, source]) => [name, source.name]));
}

/** Reads parameters into one memory; the last one is not read again. */
export function parameterReader(checkpoint: Checkpoint, model: Model, sources: ReadonlyMap<string, string>) {
  const sizes = new Map(model.parameters.map(({ name, shape }) => [name, sizeOf(shape)]));
  const memory = new Float32Array(Math.max(...sizes.values()));
  let held: string | undefined;
  return async (name: string): Promise<Float32Array> => {
    const values = memory.subarray(0, sizes.get(name));
    if (held === name) return values;
    held = undefined;
    await checkpoint.read(sources.get(name) ?? name, values);
    held = name;
    return values;
  };
}
