/** The review of entities: by type, whose both ends must be right. */
import { countEntities, TaggedSentences } from "./entities.js";
import {
  type ClassCounts,
  heldOutRows,
  type Review,
  type ReviewAccumulator,
  scoreOf,
  sumOfCounts,
  worstOf,
} from "./review.js";

/** @param names the tags, by id */
export function entityReview(names: readonly string[]): ReviewAccumulator {
  const byType = new Map<string, ClassCounts>();
  let count = 0;
  const sentences = new TaggedSentences(names, (told, given) => {
    count++;
    for (const [type, own] of countEntities(told, given)) {
      const known = byType.get(type);
      byType.set(type, known === undefined ? own : sumOfCounts([known, own]));
    }
  });
  return {
    add: ({ logits, batch }) => sentences.add(logits, batch),
    result() {
      sentences.finish();
      return reviewOf(byType, count);
    },
  };
}

function reviewOf(byType: ReadonlyMap<string, ClassCounts>, sentences: number): Review {
  const classes = [...byType]
    .map(([name, counts]) => scoreOf(name, counts))
    .sort((a, b) => b.examples - a.examples || (a.name < b.name ? -1 : 1));
  const { f1: value, precision, recall } = scoreOf("", sumOfCounts(byType.values()));
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
