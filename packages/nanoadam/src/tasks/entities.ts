/** Entities as runs of tagged words: B-PER I-PER, and the forms with E (end) and S (single). */
import { type Batch, tensorOf } from "../data/batch.js";
import { argmax, rowsOf } from "./logits.js";
import { type ClassCounts, sumOfCounts } from "./review.js";
import type { MetricAccumulator } from "./task.js";

/** Words from `first` to `last`, both included. */
export interface TaggedSpan {
  readonly type: string;
  readonly first: number;
  readonly last: number;
}

/**
 * The entities of a sentence's tags by the rules of seqeval's default mode (`get_entities`), which are those of the CoNLL
 * evaluation: a tag is a letter and a type ("B-PER"); an entity ends where the type changes, at O, and before B and S. So an
 * entity may begin with I, as in IOB1, and tags with E and S are understood.
 */
export function entitiesOf(tags: readonly string[]): TaggedSpan[] {
  const spans: TaggedSpan[] = [];
  let before = { letter: "O", type: "" };
  let first = 0;
  for (const [index, tag] of [...tags, "O"].entries()) {
    const own = { letter: tag.slice(0, 1), type: typeOf(tag) };
    if (ends(before, own)) spans.push({ type: before.type, first, last: index - 1 });
    if (begins(before, own)) first = index;
    before = own;
  }
  return spans;
}

interface Tag {
  readonly letter: string;
  readonly type: string;
}

/** "PER" of "B-PER"; "_" where a tag is a letter alone. */
function typeOf(tag: string): string {
  const rest = tag.slice(1);
  return rest.slice(rest.indexOf("-") + 1) || "_";
}

const isOutside = ({ letter }: Tag) => letter === "O" || letter === ".";

function ends(before: Tag, own: Tag): boolean {
  if (before.letter === "E" || before.letter === "S") return true;
  if ((before.letter === "B" || before.letter === "I") && ["B", "S", "O"].includes(own.letter)) return true;
  return !isOutside(before) && before.type !== own.type;
}

function begins(before: Tag, own: Tag): boolean {
  if (own.letter === "B" || own.letter === "S") return true;
  if (["E", "S", "O"].includes(before.letter) && ["E", "I"].includes(own.letter)) return true;
  return !isOutside(own) && before.type !== own.type;
}

/** The entities of a sentence by type; an entity is right where its type and both ends are. */
export function countEntities(told: readonly string[], given: readonly string[]): Map<string, ClassCounts> {
  const counts = new Map<string, { present: number; told: number; hits: number }>();
  const of = (type: string) => {
    const known = counts.get(type) ?? { present: 0, told: 0, hits: 0 };
    counts.set(type, known);
    return known;
  };
  const keyOf = ({ type, first, last }: TaggedSpan) => `${first} ${last} ${type}`;
  const expected = entitiesOf(given);
  const keys = new Set(expected.map(keyOf));
  for (const span of expected) of(span.type).present++;
  for (const span of entitiesOf(told)) {
    of(span.type).told++;
    if (keys.has(keyOf(span))) of(span.type).hits++;
  }
  return counts;
}

/** Puts the rows of batches together to the tags of sentences, told and given, of words with a label. */
export class TaggedSentences {
  readonly #names: readonly string[];
  readonly #receive: (told: readonly string[], given: readonly string[]) => void;
  #told: string[] = [];
  #given: string[] = [];

  constructor(names: readonly string[], receive: (told: readonly string[], given: readonly string[]) => void) {
    this.#names = names;
    this.#receive = receive;
  }

  /** The logits of a batch. */
  add(logits: Float32Array, batch: Batch): void {
    const length = lengthOf(batch);
    const labels = tensorOf(batch, "labels").data;
    const weights = tensorOf(batch, "label_weights").data;
    for (const [row, own] of rowsOf(logits, this.#names.length).entries()) {
      if (row % length === 0) this.finish();
      if (weights[row] === 0) continue;
      this.#told.push(this.#names[argmax(own)] ?? "O");
      this.#given.push(this.#names[labels[row] ?? 0] ?? "O");
    }
  }

  /** Hands over the sentence that was begun. */
  finish(): void {
    if (this.#given.length > 0) this.#receive(this.#told, this.#given);
    this.#told = [];
    this.#given = [];
  }
}

/**
 * F1, precision and recall of entities, whose type and both ends must be right, counted over all types together; and the
 * fraction of words whose tag is right. Only words with a label count. Where a denominator is zero the result is 0.
 */
export function entityMetrics(names: readonly string[]): MetricAccumulator {
  let [right, predicted, expected] = [0, 0, 0];
  let [rightWords, words] = [0, 0];
  const sentences = new TaggedSentences(names, (told, given) => {
    const counts = sumOfCounts(countEntities(told, given).values());
    right += counts.hits;
    predicted += counts.told;
    expected += counts.present;
    words += given.length;
    rightWords += given.filter((tag, word) => tag === told[word]).length;
  });
  return {
    add: (logits, batch) => sentences.add(logits, batch),
    result() {
      sentences.finish();
      return {
        f1: ratio(2 * right, predicted + expected),
        precision: ratio(right, predicted),
        recall: ratio(right, expected),
        accuracy: ratio(rightWords, words),
      };
    },
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Positions of a row, padding included. */
function lengthOf(batch: Batch): number {
  return tensorOf(batch, "input_ids").type.shape[1] ?? 1;
}

/** An entity in a text, in the form of transformers' pipeline with `aggregation_strategy="first"`. */
export interface Entity {
  readonly entity_group: string;
  /** Mean probability of its words' tags. */
  readonly score: number;
  readonly word: string;
  /** Where it is in the text, as `slice` counts. */
  readonly start: number;
  readonly end: number;
}

/** A word of a text with the tag that it is given. */
export interface PredictedWord {
  readonly tag: string;
  readonly probability: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Words put together to entities as transformers' pipeline does it: neighbours of one type, a B- apart. O is left out; a tag
 * without B- or I- is a type of its own.
 */
export function groupWords(text: string, words: readonly PredictedWord[]): Entity[] {
  const groups: PredictedWord[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const [last] = group?.slice(-1) ?? [];
    const isSame = last !== undefined && groupOf(last.tag) === groupOf(word.tag) && !word.tag.startsWith("B-");
    if (isSame) group?.push(word);
    else groups.push([word]);
  }
  return groups.flatMap((group): Entity[] => {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined || first.tag === "O") return [];
    const [start, end] = [first.start, last.end];
    return [
      {
        entity_group: first.tag.slice(first.tag.indexOf("-") + 1),
        score: group.reduce((sum, { probability }) => sum + probability, 0) / group.length,
        word: text.slice(start, end),
        start,
        end,
      },
    ];
  });
}

function groupOf(tag: string): string {
  return /^[BI]-/.test(tag) ? tag.slice(2) : tag;
}
