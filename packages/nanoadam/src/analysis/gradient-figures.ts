/** The measures of a probe's gradients by tensor, by layer and of the whole, taken as the gradients come and go. */
import { JointHistogram } from "./joint-histogram.js";
import type { Parts } from "./order-statistics.js";
import { type Entries, type Relation, relationOf } from "./relation.js";
import { mergeTallies, type Tally, tallyOf } from "./tally.js";
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
  readonly histogram: JointHistogram;
}

export class GradientFigures {
  readonly tensors = new Map<string, SeenFigures>();
  /** In the order in which they came, which is from the last to the first. */
  readonly layers = new Map<string, SeenFigures>();
  /** The sum of all squared gradients. */
  squares = 0;
  readonly #whole: WholeRelationBuilder;
  readonly #wholeHistogram = new JointHistogram();

  /** @param wholeLength entries of all tensors that are in the whole, at most */
  constructor(wholeLength: number) {
    this.#whole = new WholeRelationBuilder(wholeLength);
  }

  /**
   * Takes the tensors that become whole together, all of a layer among them.
   * @throws RangeError where a gradient or a weight is not finite
   */
  add(tensors: readonly SeenTensor[]): void {
    const layers = new Map<string, { readonly tensor: SeenTensor; readonly tally: Tally }[]>();
    for (const tensor of tensors) {
      const { name, entries, layer } = tensor;
      const histogram = new JointHistogram();
      histogram.add(entries.weights, entries.gradient);
      const tally = tallyOf(entries.weights, entries.gradient);
      const relation = relationOf([entries], tally);
      this.tensors.set(name, { relation, histogram });
      this.squares += relation.squares;
      if (tensor.isInWhole) {
        this.#whole.add(entries, tally);
        this.#wholeHistogram.merge(histogram);
      }
      if (layer !== undefined) layers.set(layer, [...(layers.get(layer) ?? []), { tensor, tally }]);
    }
    for (const [layer, members] of layers) {
      const alone = members.length === 1 ? this.tensors.get(members[0]?.tensor.name ?? "") : undefined;
      this.layers.set(layer, alone ?? this.#together(members));
    }
  }

  /** The measures of the whole, or undefined where no tensor is in it; `weights` are all of its weights. */
  whole(weights: Parts): SeenFigures | undefined {
    if (this.#whole.length === 0) return undefined;
    return { relation: this.#whole.finish(weights), histogram: this.#wholeHistogram };
  }

  #together(members: readonly { readonly tensor: SeenTensor; readonly tally: Tally }[]): SeenFigures {
    const histogram = new JointHistogram();
    for (const { tensor } of members) {
      const own = this.tensors.get(tensor.name);
      if (own !== undefined) histogram.merge(own.histogram);
    }
    const tally = mergeTallies(members.map((member) => member.tally));
    return {
      relation: relationOf(
        members.map(({ tensor }) => tensor.entries),
        tally,
      ),
      histogram,
    };
  }
}
