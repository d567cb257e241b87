/** The measures of a probe's gradients by tensor, by layer and of the whole, taken as the gradients come and go. */
import { type BoundPlaces, boundPlaces, CandidateMemory, type Candidates, candidatesOf } from "./candidates.js";
import { type HistogramRecord, histogramOf } from "./joint-histogram.js";
import { emptyTables, type Tables } from "./magnitude-kernel.js";
import type { Parts } from "./order-statistics.js";
import { type Relation, relationOf } from "./relation.js";
import { type Entries, type Tally, TallySum, tallyOf } from "./tally.js";
import { WholeRelationBuilder } from "./whole-relation.js";

/** A tensor of a stage whose gradients are there. */
export interface SeenTensor {
  readonly name: string;
  readonly entries: Entries;
  /** The layer that it counts in; undefined where in none. */
  readonly layer: string | undefined;
  readonly isInWhole: boolean;
}

export interface SeenFigures {
  readonly relation: Relation;
  readonly histogram: HistogramRecord;
}

/** Tensors that are measured together: one, or those of a layer. */
interface Group {
  readonly tally: Tally;
  readonly places: BoundPlaces | undefined;
}

export class GradientFigures {
  readonly tensors = new Map<string, SeenFigures>();
  /** In the order in which they came, which is from the last to the first. */
  readonly layers = new Map<string, SeenFigures>();
  /** The sum of all squared gradients. */
  squares = 0;
  readonly #whole: WholeRelationBuilder;
  /** Of tensors and layers that are done with. */
  readonly #tables: Tables[] = [];
  /** By a tensor's place among those that come together. */
  readonly #lists: CandidateMemory[] = [];

  /** @param wholeLength entries of all tensors that are in the whole, at most */
  constructor(wholeLength: number) {
    this.#whole = new WholeRelationBuilder(wholeLength);
  }

  /**
   * Takes the tensors that become whole together, all of a layer among them. Each is passed over twice: counted, and, when it is
   * known where bounds are, its entries there listed.
   * @throws RangeError where a gradient or a weight is not finite
   */
  add(tensors: readonly SeenTensor[]): void {
    const taken: Tables[] = [];
    const take = () => {
      const tables = this.#tables.pop() ?? emptyTables();
      taken.push(tables);
      return tables;
    };
    const counted = tensors.map((tensor) => ({ ...tensor, ...groupOf(tallyOf(tensor.entries, take())) }));
    const layers = new Map<string, Group>();
    for (const { layer } of counted) {
      if (layer === undefined || layers.has(layer)) continue;
      const [first, ...others] = counted.filter((tensor) => tensor.layer === layer);
      if (first === undefined) continue;
      const sum = others.reduce(
        (tally: TallySum | undefined, other) => (tally ?? new TallySum(first.tally, take())).add(other.tally),
        undefined,
      );
      layers.set(layer, sum === undefined ? first : groupOf(sum));
    }
    const ofLayers = new Map<string, Candidates[]>();
    for (const [index, { name, entries, layer, isInWhole, tally, places }] of counted.entries()) {
      const together = layer === undefined ? undefined : layers.get(layer);
      const asked = [places, together?.places].filter((each) => each !== undefined);
      const least = isInWhole ? this.#whole.leastBucket(tally) : undefined;
      const memory = this.#lists[index] ?? new CandidateMemory();
      this.#lists[index] = memory;
      const candidates = candidatesOf(entries, tally, asked, least, memory);
      this.tensors.set(name, figuresOf({ tally, places }, [candidates]));
      this.squares += tally.squares;
      if (isInWhole) this.#whole.add(tally, candidates);
      if (layer !== undefined) ofLayers.set(layer, [...(ofLayers.get(layer) ?? []), candidates]);
    }
    for (const [layer, group] of layers) this.layers.set(layer, figuresOf(group, ofLayers.get(layer) ?? []));
    this.#tables.push(...taken);
  }

  /** The measures of the whole, or undefined where no tensor is in it; `weights` are all of its weights. */
  whole(weights: Parts): SeenFigures | undefined {
    const { tally } = this.#whole;
    const relation = this.#whole.finish(weights);
    if (tally === undefined || relation === undefined) return undefined;
    return { relation, histogram: histogramOf(tally.cells) };
  }
}

function groupOf(tally: Tally): Group {
  return { tally, places: boundPlaces(tally) };
}

function figuresOf({ tally, places }: Group, candidates: readonly Candidates[]): SeenFigures {
  return { relation: relationOf(tally, candidates, places), histogram: histogramOf(tally.cells) };
}
