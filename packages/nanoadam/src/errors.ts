/**
 * What may go wrong without being a fault of this library. A message calls options by their names, in backticks: `maxLength`.
 */

/** The most characters of a message: what people bring may be of any length, and is named in it. */
const longestMessage = 480;

/**
 * What the user gave cannot be used: a file, a field, an option. The message is one sentence that names the thing, what was
 * found and what was expected. It is one line; the middle of one that is too long is left out.
 */
export class InputError extends Error {
  override readonly name = "InputError";

  constructor(message: string) {
    super(oneLine(message));
  }
}

/** The weights, the loss or the gradients stopped being finite. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}

/** The work was cancelled by its signal, whose reason is the `cause`. */
export class AbortError extends Error {
  override readonly name = "AbortError";

  constructor(message: string, reason: unknown) {
    super(message, { cause: reason });
  }
}

/** A message as one line of bounded length: begin and end say what it is about and what was expected. */
export function oneLine(message: string, most = longestMessage): string {
  // Nothing of a long message's middle is looked at.
  const [start, end] = [message.slice(0, most), message.slice(Math.max(most, message.length - most))];
  const isLong = message.length > most;
  const line = flat(isLong ? start.slice(0, Math.ceil(most / 2)) : message);
  return isLong ? `${line} … ${flat(end.slice(-Math.floor(most / 2) + 3))}` : line;
}

/** Line ends and control characters, which a terminal would follow, as blanks. */
function flat(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** So much of a text as a message may show. */
export function excerpt(text: string, most = 40): string {
  const start = text.slice(0, most + 1).replace(/\s/g, " ");
  return start.length > most ? `${start.slice(0, most)}…` : start;
}

/** How deep, and of how many entries, a value is shown. */
const [shownDepth, shownEntries, shownCharacters] = [3, 4, 80];

/**
 * A value in a message, as JSON so far as it is short: whatever a file or a program may give, circles, any depth and length
 * included. What is not there is "missing".
 */
export function shown(value: unknown): string {
  return value === undefined ? "missing" : excerpt(asJson(value, shownDepth), shownCharacters);
}

function asJson(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(excerpt(value, shownCharacters));
  if (typeof value === "bigint") return `${value > 1e20 || value < -1e20 ? "a long number" : value}`;
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return String(value);
  const isList = Array.isArray(value);
  if (depth === 0) return isList ? "[…]" : "{…}";
  if (isList) {
    const items = value.slice(0, shownEntries).map((item) => asJson(item, depth - 1));
    return `[${[...items, ...(value.length > shownEntries ? ["…"] : [])].join(",")}]`;
  }
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  const keys = Object.keys(value);
  const fields = keys
    .slice(0, shownEntries)
    .map((key) => `${asJson(key, 1)}:${asJson((value as Readonly<Record<string, unknown>>)[key], depth - 1)}`);
  return `{${[...fields, ...(keys.length > shownEntries ? ["…"] : [])].join(",")}}`;
}
