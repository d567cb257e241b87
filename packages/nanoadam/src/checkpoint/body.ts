/** A network without its head: the tensors of its backbone, as a checkpoint has them. */
import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { type Backbone, buffersOf, parametersOf } from "../models/model.js";
import type { Checkpoint } from "./checkpoint.js";
import { type FoundTensor, parameterFinder } from "./parameter-names.js";
import { type WritableTensor, writableAs } from "./write-safetensors.js";

export interface BodyTensor {
  /** Of the parameter or buffer. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether it is a buffer that counts something, which checkpoints may lack. */
  readonly isCount: boolean;
  readonly isBuffer: boolean;
  readonly found: FoundTensor;
}

/**
 * Where a checkpoint has the parameters and buffers below the head; counts that it lacks are left out.
 * @throws InputError for one that is missing, or of another shape.
 */
export function bodyOf(
  { folder, entries }: Pick<Checkpoint, "folder" | "entries">,
  backbone: Backbone,
): readonly BodyTensor[] {
  const find = parameterFinder(entries, { backbone });
  const parameters = parametersOf(backbone.stages).map((parameter) => ({
    ...parameter,
    isBuffer: false,
    isCount: false,
  }));
  const buffers = buffersOf(backbone.stages).map((buffer) => ({ isCount: false, ...buffer, isBuffer: true }));
  return [...parameters, ...buffers].flatMap(({ name, shape, isBuffer, isCount }): BodyTensor[] => {
    const found = find(name);
    if (found === undefined && isCount) return [];
    if (String(found?.shape) !== String(shape) || found === undefined) {
      throw new InputError(
        `${folder}: "${name}" ${found === undefined ? "is missing" : `has shape [${found.shape.join(", ")}]`}, expected [${shape.join(", ")}] by config.json`,
      );
    }
    return [{ name, shape, isBuffer, isCount, found }];
  });
}

/** Gives the body's tensors among `weights` the values that a checkpoint has, in the types that they are held in. */
export async function readBody(
  checkpoint: Pick<Checkpoint, "folder" | "entries" | "read">,
  backbone: Backbone,
  weights: ReadonlyMap<string, WeightArray>,
): Promise<void> {
  for (const { name, found } of bodyOf(checkpoint, backbone)) {
    const values = weights.get(name);
    if (values !== undefined) await checkpoint.read(found.entry.name, values, found.start);
  }
}

/** The body as it is written again, each tensor as the checkpoint stores it. */
export function storedBody(
  checkpoint: Pick<Checkpoint, "folder" | "entries" | "read">,
  backbone: Backbone,
): WritableTensor[] {
  return bodyOf(checkpoint, backbone).map(({ name, shape, isBuffer, isCount, found }) => {
    const dtype = isCount ? "I64" : isBuffer ? "F32" : writableAs(found.entry.dtype);
    const values = async () => {
      const target = dtype === "BF16" ? new Uint16Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
      await checkpoint.read(found.entry.name, target, found.start);
      return target;
    };
    return { name, shape, dtype, values };
  });
}
