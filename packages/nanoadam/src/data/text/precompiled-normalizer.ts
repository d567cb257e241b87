/**
 * SentencePiece's normalizer with the map that it was trained with (`Precompiled` in tokenizer.json). The map is a double-array
 * trie over UTF-8 bytes whose values are places in a list of replacements. The library has NFKC in its place, which is
 * nearly the same map.
 */
import { InputError } from "../../errors.js";

const encoder = new TextEncoder();

/** Graphemes of so many bytes are looked up whole, longer ones by their characters. */
const longestGrapheme = 5;

/**
 * @param charsmap the map in base64: the trie's length in bytes, the trie, the replacements, each ended by a zero
 * @param file what messages call tokenizer.json
 * @throws InputError for a map that is damaged.
 */
export function precompiledNormalizer(charsmap: string, file: string): (text: string) => string {
  const bytes = Uint8Array.from(atob(charsmap), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length < 4 ? Number.NaN : view.getUint32(0, true);
  if (!(trieBytes > 0 && trieBytes % 4 === 0 && 4 + trieBytes <= bytes.length)) {
    throw new InputError(`${file}: normalizer.precompiled_charsmap has ${bytes.length} bytes, which are no map`);
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, unit) => view.getUint32(4 + 4 * unit, true));
  const replacements = bytes.subarray(4 + trieBytes);
  const decoder = new TextDecoder();
  const known = new Map<string, string | undefined>();
  const replacementOf = (part: string): string | undefined => {
    if (known.has(part)) return known.get(part);
    const start = shortestPrefix(units, encoder.encode(part));
    const replacement =
      start === undefined ? undefined : decoder.decode(replacements.subarray(start, replacements.indexOf(0, start)));
    known.set(part, replacement);
    return replacement;
  };
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
  return (text) => {
    let normalized = "";
    for (const { segment } of segmenter.segment(text)) {
      const isShort = segment.length <= longestGrapheme && encoder.encode(segment).length <= longestGrapheme;
      const whole = isShort ? replacementOf(segment) : undefined;
      if (whole !== undefined) normalized += whole;
      else for (const character of segment) normalized += replacementOf(character) ?? character;
    }
    return normalized;
  };
}

/** The value of the shortest beginning of a key that the trie has. */
function shortestPrefix(units: Uint32Array, key: Uint8Array): number | undefined {
  const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let node = offsetOf(units[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    node ^= byte;
    const unit = units[node] ?? 0;
    if ((unit & 0x8000_00ff) >>> 0 !== byte) return undefined;
    node ^= offsetOf(unit);
    if ((unit & 0x100) !== 0) return (units[node] ?? 0) & 0x7fff_ffff;
  }
  return undefined;
}
