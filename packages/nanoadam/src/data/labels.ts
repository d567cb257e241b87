import { InputError } from "../errors.js";
import { isObject } from "../files/json-value.js";

/** The classes of a task: class i is called `names[i]`. */
export interface LabelMap {
  readonly names: readonly string[];
  /**
   * The class id of a label. Besides the names, an id is accepted as a label ("0" to "n-1") where no name is an integer
   * itself, since files often hold ids where a checkpoint's config holds names. Throws InputError, naming the file, the
   * line and the known labels, for any other label.
   */
  id(label: string, file: string, line: number): number;
}

const integer = /^-?(0|[1-9]\d*)$/;
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const placeholder = /^LABEL_\d+$/;

/**
 * The classes of a set of labels: the distinct labels, in numeric order if all are integers (so the labels 0 to n-1 are
 * their own ids), else ordered by code point. The order depends on the set alone, not on the order of rows. Throws
 * InputError for fewer than two labels; `file` is what the message calls them.
 */
export function buildLabelMap(labels: Iterable<string>, file = "The data"): LabelMap {
  const names = [...new Set(labels)];
  if (names.length < 2) {
    const found = names[0] === undefined ? "no label" : `only the label "${names[0]}"`;
    throw new InputError(`${file} has ${found}, expected at least two classes.`);
  }
  const allIntegers = names.every((name) => integer.test(name));
  names.sort(allIntegers ? (a, b) => Number(a) - Number(b) : compareCodePoints);
  return createLabelMap(names);
}

/** The label map whose class i is called `names[i]`. */
export function createLabelMap(names: readonly string[]): LabelMap {
  const ids = new Map(names.map((name, index) => [name, index]));
  const idsAreLabels = !names.some((name) => integer.test(name));
  return {
    names,
    id(label, file, line) {
      const id = ids.get(label);
      if (id !== undefined) return id;
      if (idsAreLabels && /^(0|[1-9]\d*)$/.test(label) && Number(label) < names.length) return Number(label);
      throw new InputError(`${file}, line ${line}: the label "${label}" is unknown, expected one of ${listed(names)}.`);
    },
  };
}

/**
 * The label names in a checkpoint's config (`id2label`, else `label2id`), or undefined where it has none or only the
 * placeholders LABEL_0, LABEL_1, ... Throws InputError where ids are not 0 to n-1 or a name repeats; `file` is what the
 * message calls the config.
 */
export function labelMapFromConfig(
  config: Readonly<Record<string, unknown>>,
  file = "config.json",
): LabelMap | undefined {
  const field = isObject(config.id2label) ? "id2label" : "label2id";
  const given = config[field];
  if (!isObject(given)) return undefined;
  const pairs = Object.entries(given).map(([key, value]) => (field === "id2label" ? [key, value] : [value, key]));
  const names = new Array<string | undefined>(pairs.length);
  for (const [id, name] of pairs) {
    const index = Number(id);
    const isFree = Number.isInteger(index) && index >= 0 && index < names.length && names[index] === undefined;
    if (!isFree || (typeof name !== "string" && typeof name !== "number")) {
      throw new InputError(
        `${file}: ${field} has the pair ${JSON.stringify(id)}, ${JSON.stringify(name)}, expected a name for each id from 0 to ${names.length - 1}.`,
      );
    }
    names[index] = String(name);
  }
  const complete = names.filter((name) => name !== undefined);
  const repeated = complete.find((name, index) => complete.indexOf(name) !== index);
  if (repeated !== undefined) throw new InputError(`${file}: ${field} has two ids for the label "${repeated}".`);
  if (complete.length === 0 || complete.every((name) => placeholder.test(name))) return undefined;
  return createLabelMap(complete);
}

/** The largest id that is taken for one; a larger number among labels is hardly the id of a class. */
const largestId = 65_535;

/**
 * The classes of a set of labels whose integers are ids, as Hugging Face's data sets have them in lists: ids from 0 to the
 * largest are called LABEL_0, LABEL_1, ..., as Hugging Face calls classes without names. Other labels are names; see
 * `buildLabelMap`.
 */
export function buildIdMap(labels: Iterable<string>, file: string): LabelMap {
  const found = new Set(labels);
  const ids = [...found].map((label) => (/^(0|[1-9]\d*)$/.test(label) ? Number(label) : Number.NaN));
  const largest = ids.reduce((most, id) => Math.max(most, id), 0);
  if (largest >= 1 && largest <= largestId) return createLabelMap(placeholders(largest + 1));
  return buildLabelMap(found, file);
}

/** The classes of a saved model: those that its config names, else LABEL_0, LABEL_1, ... */
export function labelMapOfModel(config: Readonly<Record<string, unknown>>, file: string): LabelMap {
  return labelMapFromConfig(config, file) ?? createLabelMap(placeholders(labelCountOf(config)));
}

/** How many labels a configuration has; 2 where it does not say, as in Hugging Face's. */
export function labelCountOf(config: Readonly<Record<string, unknown>>): number {
  const names = config.id2label ?? config.label2id;
  if (isObject(names)) return Object.keys(names).length;
  return typeof config.num_labels === "number" ? config.num_labels : 2;
}

function placeholders(count: number): string[] {
  return Array.from({ length: count }, (_, id) => `LABEL_${id}`);
}

/** The config fields that record a label map. */
export function labelMapToConfig(labels: LabelMap): {
  id2label: Record<string, string>;
  label2id: Record<string, number>;
} {
  return {
    id2label: Object.fromEntries(labels.names.map((name, index) => [String(index), name])),
    label2id: Object.fromEntries(labels.names.map((name, index) => [name, index])),
  };
}

/** The number in a regression label; InputError with file and line for anything but a finite decimal number. */
export function regressionLabel(label: string, file: string, line: number): number {
  const text = label.trim();
  const value = decimal.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new InputError(`${file}, line ${line}: the label "${label}" is not a finite number, as regression needs.`);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `"${name}"`);
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
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
