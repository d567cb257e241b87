/** What separates the fields of a file. */
import { InputError, shown } from "../../errors.js";

/** What programs separate fields by, the most usual first. */
const usual = [",", ";", "\t", "|"] as const;

/** So much of a header is looked at; of a longer one the beginning tells. */
const longestLook = 100_000;

/** A delimiter as it is given, on a command line `\t` for a tab. */
export function readDelimiter(delimiter: string): string {
  if (delimiter === "\\t") return "\t";
  if (delimiter !== "" && !/["\r\n]/.test(delimiter)) return delimiter;
  throw new InputError(`The delimiter is ${shown(delimiter)}, expected text without quotes and line ends.`);
}

/** The usual delimiter that the header has most of outside of quotes; a comma where it has none. */
export function findDelimiter(text: string): string {
  const counts = new Map<string, number>(usual.map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  const start = Math.max(0, text.search(/[^\r\n]/));
  for (const character of text.slice(start, start + longestLook)) {
    if (character === '"') isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (character === "\n" || character === "\r") break;
    const count = counts.get(character);
    if (count !== undefined) counts.set(character, count + 1);
  }
  return usual.reduce((best, next) => ((counts.get(next) ?? 0) > (counts.get(best) ?? 0) ? next : best));
}

/** The delimiter in a first line such as `sep=;`, which spreadsheets write for each other, and how long that line is. */
export function declaredDelimiter(text: string): { readonly delimiter: string; readonly length: number } | undefined {
  const [line, delimiter] = /^sep=([^"\r\n])(?:\r\n|\n|\r)/i.exec(text) ?? [];
  return line === undefined || delimiter === undefined ? undefined : { delimiter, length: line.length };
}
