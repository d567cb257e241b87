/** What a run's data are, before anything is learned from them: counts, and in words what is worth a look. */
import { countClasses, countTruncated, type Dataset, sizesOf } from "../data/dataset.js";
import type { Task } from "../tasks/task.js";

/** How many examples of a class there are. */
export interface ClassCount {
  readonly name: string;
  readonly train: number;
  readonly evaluation: number;
}

export interface DataReport {
  readonly train: number;
  readonly evaluation: number;
  /** By class, the most frequent first; absent where examples have no class. */
  readonly classes?: readonly ClassCount[];
  /** Of images, the size in which they are taken in, height before width. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Tokens of an example, of images pixels: half are at most `median` long, none is longer than `longest` after the cut to `limit`. */
  readonly tokens: { readonly median: number; readonly longest: number; readonly limit: number; readonly cut: number };
  /** Texts with nothing in them. */
  readonly empty: number;
  /** Training examples whose text came before. */
  readonly repeated: number;
  /** Training texts that have different labels in different places. */
  readonly contradictory: number;
  /** Evaluation examples whose text is among the training examples too. */
  readonly shared: number;
  /** Rows left out because the cut to `tokens.limit` took away all that there is to learn of them: whole completions. */
  readonly cutAway: number;
  /** What is worth a look, a sentence each. */
  readonly notes: readonly string[];
}

export interface DataReportInputs {
  readonly task: Pick<Task, "classes">;
  readonly train: Dataset;
  readonly evaluation: Dataset;
  readonly maxLength: number;
  /** How many training rows were asked for, where not all were. */
  readonly limit?: number | undefined;
  /** What should be said besides. */
  readonly notes?: readonly string[];
  /** Whether the evaluation data are a file of their own. */
  readonly hasOwnEvaluation: boolean;
}

export function reportOfData({
  task,
  train,
  evaluation,
  maxLength,
  hasOwnEvaluation,
  limit,
  notes: others = [],
}: DataReportInputs): DataReport {
  const classes = task.classes === undefined ? undefined : classCounts(task.classes, train, evaluation);
  const lengths = Int32Array.from([...sizesOf(train), ...sizesOf(evaluation)]).sort();
  const texts = repetitionsOf(train, evaluation);
  const figures = {
    train: train.length,
    evaluation: evaluation.length,
    ...(classes === undefined ? {} : { classes }),
    ...(train.imageSize === undefined ? {} : { imageSize: train.imageSize }),
    tokens: {
      median: lengths[Math.floor((lengths.length - 1) / 2)] ?? 0,
      longest: lengths.at(-1) ?? 0,
      limit: maxLength,
      cut: countTruncated(train) + countTruncated(evaluation),
    },
    ...texts,
    cutAway: (train.cutAway ?? 0) + (hasOwnEvaluation ? (evaluation.cutAway ?? 0) : 0),
  };
  const notes = [
    ...others,
    ...new Set([...(train.notes ?? []), ...(evaluation.notes ?? [])]),
    ...notesOf(figures, hasOwnEvaluation, limit),
    ...(train.imageSize === undefined && looksLikeIdentifiers(train)
      ? ["the texts are single words or numbers: is it the right column?"]
      : []),
  ];
  return { ...figures, notes };
}

function classCounts(names: readonly string[], train: Dataset, evaluation: Dataset): ClassCount[] {
  const [inTrain, inEvaluation] = [countClasses(train, names.length), countClasses(evaluation, names.length)];
  return names
    .map((name, id) => ({ name, train: inTrain[id] ?? 0, evaluation: inEvaluation[id] ?? 0 }))
    .sort((a, b) => b.train - a.train);
}

type Repetitions = Pick<DataReport, "empty" | "repeated" | "contradictory" | "shared">;

function repetitionsOf(train: Dataset, evaluation: Dataset): Repetitions {
  const classes = new Map<string, number | undefined>();
  const contradictory = new Set<string>();
  let [empty, repeated, shared] = [0, 0, 0];
  for (const [index, text] of textsOf(train)) {
    if (isEmpty(text)) empty++;
    const found = train.classOf?.(index);
    if (!classes.has(text)) classes.set(text, found);
    else {
      repeated++;
      if (classes.get(text) !== found) contradictory.add(text);
    }
  }
  for (const [, text] of textsOf(evaluation)) {
    if (isEmpty(text)) empty++;
    else if (classes.has(text)) shared++;
  }
  return { empty, repeated, shared, contradictory: contradictory.size };
}

/** What separates the two texts of a pair: no text has it. */
const separator = "\u0000";

function* textsOf(dataset: Dataset): Iterable<readonly [index: number, text: string]> {
  if (dataset.sourceOf === undefined) return;
  for (let index = 0; index < dataset.length; index++) {
    const { text, textPair } = dataset.sourceOf(index);
    yield [index, textPair === undefined ? text.trim() : `${text.trim()}${separator}${textPair.trim()}`];
  }
}

function isEmpty(text: string): boolean {
  return text === "" || text === separator;
}

/** Classes with fewer training examples than this are hardly learned. */
const fewExamples = 8;
/** One class is so much more frequent than another that guessing it looks good. */
const imbalance = 10;

function* notesOf(
  figures: Omit<DataReport, "notes">,
  hasOwnEvaluation: boolean,
  limit: number | undefined,
): Iterable<string> {
  const {
    classes = [],
    imageSize,
    tokens,
    train,
    evaluation,
    empty,
    repeated,
    contradictory,
    shared,
    cutAway,
  } = figures;
  const quoted = (some: readonly ClassCount[]) => listed(some.map(({ name }) => `"${name}"`));
  const unseen = classes.filter((each) => each.train === 0);
  const rare = classes.filter((each) => each.train > 0 && each.train < fewExamples);
  const [most, least] = [classes[0], classes.findLast((each) => each.train > 0)];
  if (unseen.length > 0)
    yield `no training example is ${quoted(unseen)}: ${unseen.length > 1 ? "they" : "it"} cannot be learned${limit === undefined ? "" : ` (only the first ${limit} rows were read, by \`limitTrain\`)`}`;
  if (rare.length > 0)
    yield `fewer than ${fewExamples} training examples are ${quoted(rare)}: more ${imageSize === undefined ? "rows" : "images"} of ${rare.length > 1 ? "them" : "it"} would help`;
  if (most !== undefined && least !== undefined && most.train >= imbalance * least.train) {
    yield `${most.train} training examples are "${most.name}" and ${least.train} "${least.name}": \`classWeights\` balanced may help`;
  }
  const one = imageSize === undefined ? "text" : "image";
  const examples = train + evaluation;
  if (tokens.cut > examples / 10) {
    yield `${tokens.cut} of ${examples} texts are cut to ${tokens.limit} tokens; \`maxLength\` sets how many are kept`;
  }
  if (cutAway > 0) {
    const lost = count(cutAway, "completion is", "completions are", "cut away wholly");
    yield `${lost} by \`maxLength\` ${tokens.limit}, and ${cutAway === 1 ? "its row" : "their rows"} left out`;
  }
  if (empty > 0) yield count(empty, "text is", "texts are", "empty");
  if (repeated > 0) yield count(repeated, `training ${one} is`, `training ${one}s are`, "there more than once");
  if (contradictory > 0)
    yield count(contradictory, `training ${one} has`, `training ${one}s have`, "different labels in different rows");
  if (shared > 0) {
    const where = hasOwnEvaluation ? "evaluation" : "held-out";
    yield count(
      shared,
      `${where} ${one} is`,
      `${where} ${one}s are`,
      `among the training ${one}s too: what is measured on them is memory`,
    );
  }
}

function count(number: number, one: string, more: string, rest: string): string {
  return `${number} ${number === 1 ? one : more} ${rest}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** So many texts tell what a column is. */
const mostLookedAt = 200;

/** Whether hardly any text has more than a word: most likely another column is meant. */
function looksLikeIdentifiers(dataset: Dataset): boolean {
  let looked = 0;
  for (const [, text] of textsOf(dataset)) {
    if (looked === mostLookedAt) break;
    if (!/^[\w.:/@-]*$/.test(text)) return false;
    looked++;
  }
  return looked > 0;
}
