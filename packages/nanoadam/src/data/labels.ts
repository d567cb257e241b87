import { InputError, shown } from "../errors.js";
import { isObject } from "../files/json-value.js";
import { labelKey, labelNames } from "./label-spelling.js";
import { placeOf } from "./tables/place.js";

/** The classes of a task: class i is called `names[i]`. */
export interface LabelMap {
  readonly names: readonly string[];
  /**
   * The class that a label names, or undefined where it names none. Blanks around a label, upper and lower case, and the
   * spelling of a whole number (1, 1.0) make no difference, but where two names differ by nothing else.
   */
  find(label: string): number | undefined;
}

const id = /^(0|[1-9]\d*)(\.0+)?$/;
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const placeholder = /^LABEL_\d+$/;

/** The label map whose class i is called `names[i]`. */
export function createLabelMap(names: readonly string[]): LabelMap {
  const exact = new Map(names.map((name, index) => [name, index]));
  const byKey = new Map<string, number | undefined>();
  for (const [index, name] of names.entries()) {
    const key = labelKey(name);
    byKey.set(key, byKey.has(key) ? undefined : index);
  }
  return { names, find: (label) => exact.get(label.trim()) ?? byKey.get(labelKey(label)) };
}

/** How the labels of one file are understood. */
export interface LabelReader {
  /** The class of a label. Throws InputError, naming the file, the line and the known labels, for one that is none. */
  id(label: string, file: string, line: number): number;
  /** Whether the labels are ids of classes that have other names. */
  readonly areIds: boolean;
}

/**
 * How the labels that a file has are read with known classes: as their names, or all of them as ids ("0" to "n-1"), which
 * files often hold where a checkpoint's config holds names. Where names are numbers themselves, a label is always a name.
 */
export function labelReader(labels: LabelMap, found: Iterable<string>): LabelReader {
  const { names } = labels;
  const areIds = labelsAreIds(labels, found);
  return {
    areIds,
    id(label, file, line) {
      const known = areIds ? Number(label) : labels.find(label);
      if (known !== undefined) return known;
      throw new InputError(
        `${placeOf(file, line)}: the label "${label}" is unknown, expected one of ${listed(names)}.`,
      );
    },
  };
}

function labelsAreIds({ names, find }: LabelMap, found: Iterable<string>): boolean {
  if (names.some((name) => decimal.test(name))) return false;
  const distinct = [...new Set(found)];
  return distinct.length > 0 && distinct.every((label) => find(label) === undefined && isIdBelow(label, names.length));
}

function isIdBelow(label: string, count: number): boolean {
  return id.test(label.trim()) && Number(label) < count;
}

/**
 * The classes of a set of labels: the distinct labels, in numeric order if all are numbers (so the labels 0 to n-1 are their
 * own ids), else ordered by code point. The order depends on the set alone, not on the order of rows; labels that differ
 * by blanks, case or the spelling of a number are one class, called as most of them are.
 * @param file what messages call the data
 * @throws InputError for fewer than two labels, and for numbers or identifiers that are no classes.
 */
export function buildLabelMap(labels: Iterable<string>, file = "The data"): LabelMap {
  const all = [...labels];
  const names = labelNames(all);
  if (names.length < 2) {
    const found = names[0] === undefined ? "no label" : `only the label "${names[0]}"`;
    throw new InputError(`${file} has ${found}, expected at least two classes.`);
  }
  refuseValues(names, all.length, file);
  return createLabelMap(names);
}

/** More different numbers than this are values and no classes, where some are not whole. */
const mostDecimals = 10;
/** So many classes are believed whatever the number of rows. */
const fewClasses = 20;

function refuseValues(names: readonly string[], rows: number, file: string): void {
  const areNumbers = names.every((name) => decimal.test(name));
  const shown = `"${names[0]}", "${names[1]}", "${names[2]}"`;
  if (areNumbers && names.length > mostDecimals && names.some((name) => !id.test(name.replace("-", "")))) {
    throw new InputError(
      `${file}: the labels are ${names.length} different numbers (${shown}, ...), not classes; \`task\` regression learns numbers.`,
    );
  }
  if (names.length > fewClasses && names.length > rows / 2) {
    throw new InputError(
      `${file}: ${names.length} different labels in ${rows} rows (${shown}, ...) are more like identifiers${areNumbers ? " or values" : ""} than classes; check \`label\`${areNumbers ? ", or use `task` regression" : ""}.`,
    );
  }
}

/**
 * The classes of data for a model that has classes already: the model's own, in their order, where the data's labels are
 * among their names or are their ids; else the data's.
 */
export function labelMapFor(
  labels: Iterable<string>,
  config: Readonly<Record<string, unknown>> | undefined,
  file: string,
  build: (labels: Iterable<string>, file: string) => LabelMap = buildLabelMap,
): LabelMap {
  const found = [...labels];
  const known = config === undefined ? undefined : labelMapFromConfig(config);
  if (known === undefined || found.length === 0) return build(found, file);
  const areKnown = labelsAreIds(known, found) || found.every((label) => known.find(label) !== undefined);
  return areKnown ? known : build(found, file);
}

/** Whether a head that was trained for a checkpoint's classes is one for a task's: their names are the same, or unknown. */
export function hasSameClasses(
  checkpoint: Readonly<Record<string, unknown>>,
  task: Readonly<Record<string, unknown>>,
): boolean {
  const [known, wanted] = [labelMapFromConfig(checkpoint)?.names, labelMapFromConfig(task)?.names];
  if (known === undefined || wanted === undefined) return true;
  return known.length === wanted.length && known.every((name, index) => name === wanted[index]);
}

/**
 * What to say of a trained head whose classes have no names, but places: which label each place is taken for. Nothing where
 * the labels are ids.
 */
export function unnamedClassesNote(
  checkpoint: Readonly<Record<string, unknown>>,
  task: Readonly<Record<string, unknown>>,
): string | undefined {
  const names = labelMapFromConfig(task)?.names;
  if (names === undefined || labelMapFromConfig(checkpoint) !== undefined) return undefined;
  if (names.every((name, index) => name === String(index))) return undefined;
  const shown = names.slice(0, 6).map((name, index) => `LABEL_${index} is taken for "${name}"`);
  return `the checkpoint's classes have no names: ${shown.join(", ")}${names.length > shown.length ? ", ..." : ""}`;
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
        `${file}: ${field} has the pair ${shown(id)}, ${shown(name)}, expected a name for each id from 0 to ${names.length - 1}.`,
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
  const found = [...labels];
  const ids = [...new Set(found)].map((label) => (id.test(label) ? Number(label) : Number.NaN));
  const largest = ids.reduce((most, id) => Math.max(most, id), 0);
  if (largest >= 1 && largest <= largestId) return createLabelMap(placeholders(largest + 1));
  return buildLabelMap(found, file);
}

/** The classes of a saved model: those that its config names, else LABEL_0, LABEL_1, ... */
export function labelMapOfModel(config: Readonly<Record<string, unknown>>, file: string): LabelMap {
  return labelMapFromConfig(config, file) ?? createLabelMap(placeholders(labelCountOf(config)));
}

/** Whether classes have no names but LABEL_0, LABEL_1, ... */
export function areUnnamed({ names }: LabelMap): boolean {
  return names.every((name) => placeholder.test(name));
}

/** How many labels a configuration has; 2 where it does not say, as in Hugging Face's. */
export function labelCountOf(config: Readonly<Record<string, unknown>>): number {
  const names = config.id2label ?? config.label2id;
  if (isObject(names)) return Object.keys(names).length;
  return typeof config.num_labels === "number" ? config.num_labels : 2;
}

function placeholders(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `LABEL_${index}`);
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
  throw new InputError(`${placeOf(file, line)}: the label "${label}" is not a finite number, as regression needs.`);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `"${name}"`);
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}
