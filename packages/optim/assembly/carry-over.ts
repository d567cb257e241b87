/**
 * What entries of a chunk have, carried over to those selected anew, in AssemblyScript: see src/selected/carry-over.ts. Everything lies
 * at fixed addresses of a memory of its own, which that file has too.
 */

const longestChunk: usize = 65_536;
/** 16 bits an offset. */
const formerOffsets: usize = 0;
const nextOffsets: usize = formerOffsets + 2 * longestChunk;
/** 32 bits of every offset. */
const positions: usize = nextOffsets + 2 * longestChunk;
/** 32 bits of every entry; those of former ones from position 1 on, as position 0 is for all others. */
const formerFirst: usize = positions + 4 * longestChunk;
const formerSecond: usize = formerFirst + 4 * longestChunk + 64;
const nextFirst: usize = formerSecond + 4 * longestChunk + 64;
const nextSecond: usize = nextFirst + 4 * longestChunk;

/**
 * Fills the positions of `count` entries, and the two states that they may have. Which of them are among the `formerCount` former ones, nothing
 * could predict, so there is no branch.
 */
export function carryOver(formerCount: usize, count: usize): void {
  for (let index: usize = 0; index < count; index++) {
    store<u32>(positions + ((load<u16>(nextOffsets + 2 * index) as usize) << 2), 0);
  }
  for (let index: usize = 0; index < formerCount; index++) {
    store<u32>(positions + ((load<u16>(formerOffsets + 2 * index) as usize) << 2), (index + 1) as u32);
  }
  for (let at: usize = 0; at < 4 * count; at += 4) {
    const offset = load<u16>(nextOffsets + (at >>> 1)) as usize;
    const position = (load<u32>(positions + (offset << 2)) as usize) << 2;
    store<u32>(nextFirst + at, load<u32>(formerFirst + position));
    store<u32>(nextSecond + at, load<u32>(formerSecond + position));
  }
}
