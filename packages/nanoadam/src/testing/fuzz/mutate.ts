/** Damage to what readers read, drawn from a seed: to values of JSON, and to texts. */
import { seededUniform } from "../tiny-checkpoint.js";

/** Draws from a seed. */
export class Draw {
  readonly #uniform: () => number;

  constructor(seed: number) {
    this.#uniform = seededUniform(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#uniform() * bound);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function nested(depth: number): Json {
  let value: Json = 0;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

/** Values that no field expects, or that it expects and should bound. */
const odd: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => "",
  () => "é\u0000\ud800",
  () => "x".repeat(400),
  () => "many\nlines\u2028 and words ".repeat(200),
  () => "(a+)+$",
  () => "../../etc/passwd",
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 31,
  () => 2 ** 53,
  () => 1e300,
  () => [],
  () => ({}),
  () => [null, -1, "a"],
  () => JSON.parse('{"__proto__": 1, "constructor": 2, "length": -1}') as Json,
  () => nested(300),
  () => Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key ${index}`.repeat(9), index])),
];

/** A value with one part of it changed, removed, doubled or replaced. */
export function mutateJson(value: Json, draw: Draw, depth = 0): Json {
  const isLeaf = typeof value !== "object" || value === null;
  if (isLeaf || depth > 6 || draw.below(6) === 0) return draw.of(odd)();
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    if (items.length === 0) return [draw.of(odd)()];
    const place = draw.below(items.length);
    const [before, item, after] = [items.slice(0, place), items[place] as Json, items.slice(place + 1)];
    const way = draw.below(4);
    if (way === 0) return [...before, ...after];
    if (way === 1) return [...before, item, item, ...after];
    return [...before, mutateJson(item, draw, depth + 1), ...after];
  }
  const entries = Object.entries(value as { readonly [key: string]: Json });
  if (entries.length === 0) return { a: draw.of(odd)() };
  const place = draw.below(entries.length);
  const way = draw.below(6);
  if (way === 0) return Object.fromEntries(entries.filter((_, index) => index !== place));
  if (way === 1) return Object.fromEntries([...entries, [`${entries[place]?.[0]}${draw.below(3)}`, draw.of(odd)()]]);
  return Object.fromEntries(
    entries.map(([key, item], index) => [key, index === place ? mutateJson(item, draw, depth + 1) : item]),
  );
}

const pieces = [
  ...["\t", ",", ";", "|", '"', '""', "\n", "\r\n", "\r", "\u0000", "\ufeff", "\u2028", "é", "\ud83d\ude00"],
  ...["{", "}", "[", "]", "[[[[[[[[", ":", "null", "-1", "1e999", "NaN", "label", "sentence", "'", "\\", "\\u12", " "],
  ...["&a ", "*a", "<<: ", "- ", "? ", "!!str ", "%YAML 1.2\n", "---\n", "...\n", "__proto__", "#", "|\n", ">-\n"],
];

/** A text with some of it cut out, doubled, moved, or with characters that have a meaning put in. */
export function mutateText(text: string, draw: Draw): string {
  let result = text;
  for (let change = 1 + draw.below(4); change > 0; change--) {
    const start = draw.below(result.length + 1);
    const end = Math.min(result.length, start + 1 + draw.below(draw.of([2, 10, 100])));
    const [before, part, after] = [result.slice(0, start), result.slice(start, end), result.slice(end)];
    const way = draw.below(5);
    if (way === 0) result = before + after;
    else if (way === 1) result = before + part + part + after;
    else if (way === 2) result = after + part + before;
    else if (way === 3) result = before + draw.of(pieces).repeat(draw.of([1, 1, 1, 2, 50])) + part + after;
    else result = before + draw.of(pieces) + after;
  }
  return result;
}
