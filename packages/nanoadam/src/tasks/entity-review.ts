/** The review of entities: by type, whose both ends must be right. */
import { countEntities, type EntityCounts, TaggedSentences } from "./entities.js";
import { type ClassScore, heldOutRows, type Review, type ReviewAccumulator, worstOf } from "./review.js";

/** @param names the tags, by id */
export function entityReview(names: readonly string[]): ReviewAccumulator {
  const byType = new Map<string, EntityCounts>();
  let count = 0;
  const sentences = new TaggedSentences(names, (told, given) => {
    count++;
    for (const [type, own] of countEntities(told, given)) {
      const known = byType.get(type) ?? { found: 0, expected: 0, hits: 0 };
      byType.set(type, {
        found: known.found + own.found,
        expected: known.expected + own.expected,
        hits: known.hits + own.hits,
      });
    }
  });
  return {
    add: ({ logits, batch, firstRow }) => sentences.add(logits, batch, firstRow),
    result() {
      sentences.finish();
      return reviewOf(byType, count);
    },
  };
}

function reviewOf(byType: ReadonlyMap<string, EntityCounts>, sentences: number): Review {
  const classes = [...byType]
    .map(([name, counts]) => scoreOf(name, counts))
    .sort((a, b) => b.examples - a.examples || (a.name < b.name ? -1 : 1));
  const all = [...byType.values()].reduce(
    (sum, { found, expected, hits }) => ({
      found: sum.found + found,
      expected: sum.expected + expected,
      hits: sum.hits + hits,
    }),
    { found: 0, expected: 0, hits: 0 },
  );
  const { f1: value, precision, recall } = scoreOf("", all);
  const worst = worstOf(classes);
  const help = worst === undefined ? "" : `; more rows with ${worst.name} would help most`;
  const figures = `F1 of entities is ${value.toFixed(2)} on ${heldOutRows(sentences)} (precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)})`;
  return {
    verdict: value > 0 ? `${figures}${help}` : `no better than finding nothing: ${figures}`,
    beatsGuessing: value > 0,
    metric: { name: "f1", value, guessing: 0 },
    classes,
  };
}

function scoreOf(name: string, { found, expected, hits }: EntityCounts): ClassScore {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return {
    name,
    examples: expected,
    precision: share(hits, found),
    recall: share(hits, expected),
    f1: share(2 * hits, found + expected),
  };
}
