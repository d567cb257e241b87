/** Between whole tensors and packed ones, which have one value per selected entry, in selection order. */

import type { Selection, WeightArray } from "../types.js";

function checkSizes(whole: WeightArray, selection: Selection, packed: WeightArray): void {
  if (whole.length !== selection.length) {
    throw new RangeError(`the whole tensor has ${whole.length} values; expected the selection's ${selection.length}`);
  }
  if (packed.length !== selection.count) {
    throw new RangeError(`the packed array has ${packed.length} values; expected the selection's ${selection.count}`);
  }
}

/** An array of the kind of another. */
export function arrayLike<Values extends WeightArray>(values: Values, length: number): Values {
  return new (values.constructor as new (length: number) => Values)(length);
}

/**
 * Gathers the selected entries of a whole tensor.
 *
 * @param whole one value per entry of the tensor: a gradient, or weights in float32 or bfloat16
 * @param out where to write, one value per selected entry; a new array unless given
 * @returns `out`
 * @throws RangeError where a size is not the selection's.
 */
export function gatherEntries<Values extends WeightArray>(
  whole: Values,
  selection: Selection,
  out: Values = arrayLike(whole, selection.count),
): Values {
  checkSizes(whole, selection, out);
  const { starts, offsets, chunkSize } = selection;
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const chunkStart = chunk * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      out[position] = whole[chunkStart + (offsets[position] as number)] as number;
    }
  }
  return out;
}

/**
 * Puts packed entries back at their positions: the reverse of {@link gatherEntries}.
 *
 * @param packed one value per selected entry
 * @param whole one value per entry of the tensor; those not selected are left alone
 * @throws RangeError where a size is not the selection's.
 */
export function scatterEntries(packed: WeightArray, selection: Selection, whole: WeightArray): void {
  checkSizes(whole, selection, packed);
  const { starts, offsets, chunkSize } = selection;
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const chunkStart = chunk * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      whole[chunkStart + (offsets[position] as number)] = packed[position] as number;
    }
  }
}

/**
 * Adds the selected entries of a whole tensor to a packed one: `packed += scale * whole[selection]`. So gradients of
 * several micro-batches add up in the size of the selection.
 *
 * @param whole one value per entry of the tensor
 * @param packed one value per selected entry, updated in place
 * @throws RangeError where a size is not the selection's.
 */
export function addEntries(whole: Float32Array, selection: Selection, packed: Float32Array, scale: number): void {
  checkSizes(whole, selection, packed);
  const { starts, offsets, chunkSize } = selection;
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const chunkStart = chunk * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const added = scale * (whole[chunkStart + (offsets[position] as number)] as number);
      packed[position] = (packed[position] as number) + added;
    }
  }
}
