/**
 * What turns the bits of one tensor into those of another. Entries are taken as whole numbers, so that nothing is rounded: the
 * numbers of floats that are near each other are near each other, too, and their difference has few bits that are not 0.
 */

/** Entries of a tensor as whole numbers, of 4, 2 or 1 bytes. */
export type Units = Uint32Array | Uint16Array | Uint8Array;

/** Bytes as numbers of the widest of these units that a dtype's entries are made of. */
export function unitsOf({ buffer, byteOffset, byteLength }: Uint8Array, bytesPerEntry: number): Units {
  if (bytesPerEntry % 4 === 0) return new Uint32Array(buffer, byteOffset, byteLength / 4);
  if (bytesPerEntry === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes of each number. */
export function widthOf(units: Units): 1 | 2 | 4 {
  if (units instanceof Uint32Array) return 4;
  return units instanceof Uint16Array ? 2 : 1;
}

/** Where two tensors of one size differ. */
export function changedPositions(before: Units, after: Units): Uint32Array {
  let count = 0;
  for (let i = 0; i < before.length; i++) if (before[i] !== after[i]) count++;
  const positions = new Uint32Array(count);
  for (let i = 0, next = 0; next < count; i++) if (before[i] !== after[i]) positions[next++] = i;
  return positions;
}

/**
 * The differences at some positions, or at all: signs are moved to the lowest bit, and the highest bytes of all entries come first,
 * then the next ones, which compresses best.
 */
export function encodeDifferences(before: Units, after: Units, positions: Uint32Array | undefined): Uint8Array {
  const count = positions?.length ?? before.length;
  const width = widthOf(before);
  const unused = 32 - 8 * width;
  const planes = new Uint8Array(count * width);
  for (let index = 0; index < count; index++) {
    const position = positions === undefined ? index : (positions[index] as number);
    const difference = (((after[position] as number) - (before[position] as number)) << unused) >> unused;
    const folded = (difference << 1) ^ (difference >> 31);
    for (let plane = 0; plane < width; plane++) {
      planes[plane * count + index] = (folded >>> (8 * (width - 1 - plane))) & 0xff;
    }
  }
  return planes;
}

/** Adds differences to a tensor, in place. */
export function addDifferences(units: Units, planes: Uint8Array, positions: Uint32Array | undefined): void {
  const count = positions?.length ?? units.length;
  const width = widthOf(units);
  for (let index = 0; index < count; index++) {
    let folded = 0;
    for (let plane = 0; plane < width; plane++) folded = (folded << 8) | (planes[plane * count + index] as number);
    const difference = (folded >>> 1) ^ -(folded & 1);
    const position = positions === undefined ? index : (positions[index] as number);
    units[position] = (units[position] as number) + difference;
  }
}
