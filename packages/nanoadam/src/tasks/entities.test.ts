import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Batch, float32Tensor, int32Tensor } from "../data/batch.js";
import { entitiesOf, entityMetrics, groupWords } from "./entities.js";
import { entityReview } from "./entity-review.js";

/** "PER 0-1, LOC 3": types with the first word and the last. */
function shown(tags: string): string {
  return entitiesOf(tags === "" ? [] : tags.split(" "))
    .map(({ type, first, last }) => `${type} ${first === last ? first : `${first}-${last}`}`)
    .join(", ");
}

describe("entities of tags, as seqeval's get_entities has them, worked out by hand", () => {
  test.each([
    // IOB2
    ["B-PER I-PER O B-LOC", "PER 0-1, LOC 3"],
    ["B-PER B-PER I-PER", "PER 0, PER 1-2"],
    ["O O O", ""],
    ["", ""],
    ["B-PER", "PER 0"],
    // IOB1: entities begin with I; B is where two of one type touch.
    ["I-PER I-PER O I-LOC", "PER 0-1, LOC 3"],
    ["I-PER B-PER I-PER", "PER 0, PER 1-2"],
    ["I-PER I-LOC", "PER 0, LOC 1"],
    // A type that changes ends an entity, even within one.
    ["B-PER I-LOC I-LOC", "PER 0, LOC 1-2"],
    ["B-PER O I-PER", "PER 0, PER 2"],
    // BIOES
    ["B-PER I-PER E-PER S-LOC O", "PER 0-2, LOC 3"],
    ["S-PER S-PER", "PER 0, PER 1"],
    ["S-PER I-PER", "PER 0, PER 1"],
    ["S-PER E-PER", "PER 0, PER 1"],
    ["E-PER E-PER", "PER 0, PER 1"],
    ["E-PER I-PER O", "PER 0, PER 1"],
    ["O E-PER", "PER 1"],
    ["B-PER E-PER I-PER", "PER 0-1, PER 2"],
    ["B-PER S-PER", "PER 0, PER 1"],
    ["B-PER E-LOC", "PER 0, LOC 1"],
    // Types with hyphens, letters alone, and tags that are no BIO at all.
    ["B-MISC-X I-MISC-X", "MISC-X 0-1"],
    ["B I O B", "_ 0-1, _ 3"],
    ["NOUN NOUN VERB", "OUN 0-1, ERB 2"],
    ["LABEL_0 LABEL_1 LABEL_1", "ABEL_0 0, ABEL_1 1-2"],
  ])("%s: %s", (tags, expected) => {
    expect(shown(tags)).toBe(expected);
  });

  test("in IOB2 are what was tagged, whatever it was", () => {
    const span = fc.record({
      type: fc.constantFrom("PER", "LOC"),
      length: fc.integer({ min: 1, max: 3 }),
      gap: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(span), (spans) => {
        const tags: string[] = [];
        const expected = spans.map(({ type, length, gap }) => {
          for (let i = 0; i < gap; i++) tags.push("O");
          const first = tags.length;
          for (let i = 0; i < length; i++) tags.push(i === 0 ? `B-${type}` : `I-${type}`);
          return { type, first, last: first + length - 1 };
        });
        expect(entitiesOf(tags)).toEqual(expected);
      }),
    );
  });
});

const names = ["O", "B-PER", "I-PER", "B-LOC"];

/** A batch of sentences, whose every second position is no word's first token. */
function batchOf(sentences: readonly (readonly number[])[], size: number): Batch {
  const [labels, weights] = [new Int32Array(sentences.length * size), new Float32Array(sentences.length * size)];
  for (const [row, tags] of sentences.entries()) {
    for (const [word, tag] of tags.entries()) {
      labels[row * size + 1 + 2 * word] = tag;
      weights[row * size + 1 + 2 * word] = 1;
    }
  }
  const positions = labels.length;
  return {
    tensors: new Map([
      ["input_ids", int32Tensor(new Int32Array(positions), [sentences.length, size])],
      ["labels", int32Tensor(labels, [positions])],
      ["label_weights", float32Tensor(weights, [positions, 1])],
    ]),
    weight: weights.filter((weight) => weight > 0).length,
  };
}

/** Logits that are largest at the tags given; elsewhere at another tag, which must not count. */
function logitsOf(sentences: readonly (readonly number[])[], size: number): Float32Array {
  const logits = new Float32Array(sentences.length * size * names.length);
  for (let position = 0; position < sentences.length * size; position++) {
    const [row, place] = [Math.floor(position / size), position % size];
    const tag = place % 2 === 1 ? (sentences[row]?.[(place - 1) / 2] ?? 3) : 3;
    logits[position * names.length + tag] = 1;
  }
  return logits;
}

describe("scores of entities", () => {
  const [O, B, I, L] = [0, 1, 2, 3];
  const expected = [
    [B, I, O],
    [B, O, L],
    [I, I],
  ];
  const predicted = [
    [B, I, O],
    [B, I, L],
    [B, O],
  ];

  test("count what has both ends and its type right, over all types; words by their tags", () => {
    const metrics = entityMetrics(names);
    metrics.add(logitsOf(predicted, 8), batchOf(expected, 8));
    // Expected PER 0-1 | PER 0, LOC 2 | PER 0-1; predicted PER 0-1 | PER 0-1, LOC 2 | PER 0: two of four right.
    expect(metrics.result(0)).toEqual({ f1: 0.5, precision: 0.5, recall: 0.5, accuracy: 5 / 8 });
    expect(Object.keys(metrics.result(0))).toEqual(["f1", "precision", "recall", "accuracy"]);
  });

  test("are the same for batches cut into others", () => {
    const whole = entityMetrics(names);
    whole.add(logitsOf(predicted, 8), batchOf(expected, 8));
    const single = entityMetrics(names);
    for (const [row, tags] of expected.entries()) {
      single.add(logitsOf([predicted[row] ?? []], 8), batchOf([tags], 8));
    }
    expect(single.result(0)).toEqual(whole.result(0));
  });

  test("are by type in a review, with the type that is told worst", () => {
    const review = entityReview(names);
    review.add({ logits: logitsOf(predicted, 8), batch: batchOf(expected, 8), indices: [0, 1, 2] });
    expect(review.result()).toEqual({
      verdict:
        "F1 of entities is 0.50 on 3 held-out rows (precision 0.50, recall 0.50); more rows with PER would help most",
      beatsGuessing: true,
      metric: { name: "f1", value: 0.5, guessing: 0 },
      classes: [
        { name: "PER", examples: 3, precision: 1 / 3, recall: 1 / 3, f1: 1 / 3 },
        { name: "LOC", examples: 1, precision: 1, recall: 1, f1: 1 },
      ],
    });
    const nothing = entityReview(names);
    nothing.add({ logits: logitsOf([[O, O]], 8), batch: batchOf([[B, O]], 8), indices: [0] });
    expect(nothing.result().verdict).toBe(
      "no better than finding nothing: F1 of entities is 0.00 on 1 held-out row (precision 0.00, recall 0.00)",
    );
  });

  test("are 0 where nothing is expected or found", () => {
    const metrics = entityMetrics(names);
    metrics.add(logitsOf([[O, O]], 8), batchOf([[O, O]], 8));
    expect(metrics.result(0)).toEqual({ f1: 0, precision: 0, recall: 0, accuracy: 1 });
  });
});

describe("entities in a text", () => {
  const text = "Anna Lee met Bo in Rome";
  const word = (tag: string, probability: number, start: number, end: number) => ({ tag, probability, start, end });

  test("are neighbours of one type, with their mean probability and place", () => {
    const words = [
      word("B-PER", 0.5, 0, 4),
      word("I-PER", 1, 5, 8),
      word("O", 0.9, 9, 12),
      word("B-PER", 0.75, 13, 15),
      word("O", 0.9, 16, 18),
      word("I-LOC", 0.25, 19, 23),
    ];
    expect(groupWords(text, words)).toEqual([
      { entity_group: "PER", score: 0.75, word: "Anna Lee", start: 0, end: 8 },
      { entity_group: "PER", score: 0.75, word: "Bo", start: 13, end: 15 },
      { entity_group: "LOC", score: 0.25, word: "Rome", start: 19, end: 23 },
    ]);
  });

  test("begin anew at B, and a tag of another form is a type of its own", () => {
    const groups = (...tags: string[]) =>
      groupWords(
        text,
        tags.map((tag, index) => word(tag, 1, index, index + 1)),
      ).map(({ entity_group, start, end }) => `${entity_group} ${start}-${end}`);
    expect(groups("B-PER", "B-PER", "I-PER")).toEqual(["PER 0-1", "PER 1-3"]);
    expect(groups("NOUN", "NOUN", "VERB")).toEqual(["NOUN 0-2", "VERB 2-3"]);
    expect(groups("O", "O")).toEqual([]);
  });
});
