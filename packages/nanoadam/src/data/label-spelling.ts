/** Which labels are the same although they are spelt in different ways, and which are none. */

const number = /^[+-]?(0|[1-9]\d*)(\.\d+)?$/;

/** A label without blanks around it, and with single ones inside. */
export function tidyLabel(label: string): string {
  return label.trim().replace(/\s+/gu, " ");
}

/**
 * Whether a field of labels says nothing: it is empty or blank, or what programs write for a number that is none. "None",
 * "null" and "NA" are labels, as people use them for such.
 */
export function isMissingLabel(label: string): boolean {
  return ["", "nan", "-nan", "#n/a", "<na>"].includes(label.trim().toLowerCase());
}

/**
 * What labels have in common that are the same but for blanks, case and the spelling of a number. Numbers keep all their
 * digits, however many.
 */
export function labelKey(label: string): string {
  const tidy = tidyLabel(label);
  if (!number.test(tidy)) return tidy.normalize("NFC").toLowerCase();
  const digits = tidy.replace(/^\+/, "");
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

/** The spellings of labels that are the same, with how often each occurs; the most frequent first. */
export function spellingsOf(
  labels: Iterable<string>,
): Map<string, readonly (readonly [spelling: string, count: number])[]> {
  const groups = new Map<string, Map<string, number>>();
  for (const label of labels) {
    const [key, spelling] = [labelKey(label), tidyLabel(label)];
    const group = groups.get(key) ?? new Map<string, number>();
    groups.set(key, group.set(spelling, (group.get(spelling) ?? 0) + 1));
  }
  const byFrequency = (group: ReadonlyMap<string, number>) =>
    [...group].sort(([a, most], [b, count]) => count - most || compareCodePoints(a, b));
  return new Map([...groups].map(([key, group]) => [key, byFrequency(group)]));
}

/**
 * The distinct labels, each in its most frequent spelling and whole numbers without decimals: in numeric order if all are
 * numbers, else by code point.
 */
export function labelNames(labels: Iterable<string>): string[] {
  const spellings = spellingsOf(labels);
  const keys = [...spellings.keys()];
  const areWhole = keys.every((key) => number.test(key) && !key.includes("."));
  const names = areWhole ? keys : [...spellings.values()].map(([most]) => most?.[0] ?? "");
  return names.sort(names.every((name) => number.test(name)) ? compareNumbers : compareCodePoints);
}

function compareNumbers(a: string, b: string): number {
  return Number(a) - Number(b) || compareCodePoints(a, b);
}

function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
