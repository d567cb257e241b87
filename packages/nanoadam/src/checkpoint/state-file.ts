/** The states of an optimizer in a safetensors file: arrays as they are, one after another, without a copy of them all. */
import type { StateArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { replaceFile } from "../files/write-file.js";
import { encodeSafetensorsHeader, type TensorDescription } from "./safetensors.js";
import { closeWeightFiles, openWeightFile } from "./weight-files.js";

/** By dtype, the widest first, so that each array of the file begins at a multiple of its elements' size. */
const arrays = { F32: Float32Array, U32: Uint32Array, I16: Int16Array, U16: Uint16Array, U8: Uint8Array } as const;
type StateDtype = keyof typeof arrays;
const dtypes = Object.keys(arrays) as StateDtype[];

interface StoredState {
  readonly description: TensorDescription;
  readonly array: StateArray;
}

/**
 * Writes states: whole or not at all.
 * @throws InputError where the system cannot.
 */
export async function writeStates(path: string, states: ReadonlyMap<string, StateArray>): Promise<void> {
  const stored = [...states].map(([name, array]): StoredState & { readonly rank: number } => {
    const rank = dtypes.findIndex((dtype) => array instanceof arrays[dtype]);
    const dtype = dtypes[rank];
    if (dtype === undefined) throw new Error(`"${name}" is of a kind that no state is`);
    return { rank, array, description: { name, dtype, shape: [array.length] } };
  });
  stored.sort((one, other) => one.rank - other.rank);
  const header = encodeSafetensorsHeader(stored.map(({ description }) => description));
  await replaceFile(path, async (file) => {
    await file.writeFile(header);
    for (const { array } of stored) {
      await file.writeFile(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  });
}

/**
 * Reads what {@link writeStates} wrote.
 * @throws InputError for a file that is missing, damaged, or has tensors of other types.
 */
export async function readStates(path: string): Promise<Map<string, StateArray>> {
  const file = await openWeightFile(path);
  try {
    const states = new Map<string, StateArray>();
    for (const { name, dtype, shape, start } of file.tensors.values()) {
      const kind = dtypes.find((each) => each === dtype);
      const [length = 0, ...more] = shape;
      if (kind === undefined || more.length > 0) {
        throw new InputError(
          `${path}: "${name}" is ${dtype} of shape [${shape.join(", ")}], expected a list of ${dtypes.join(", ")}.`,
        );
      }
      const array = new arrays[kind](length);
      const bytes = new Uint8Array(array.buffer);
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await file.handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new InputError(`${path} ends inside "${name}"; it is cut off.`);
        filled += bytesRead;
      }
      states.set(name, array);
    }
    return states;
  } finally {
    await closeWeightFiles([file]);
  }
}
