/**
 * Where the gradients of a step gather: for each parameter only what its optimizer asked for, so that a micro-batch
 * adds a selection's worth of numbers, not a tensor's. Memory of one that is handed out serves the next.
 */
import { SampledProduct } from "@nanoadam/engine";
import type { GradientNeed, Optimizer, WeightArray } from "@nanoadam/optim";
import type { ParameterSpecification } from "../models/parameters.js";
import type { Gradient, ParameterGradient } from "./gradient-form.js";
import { PackedGradient, PartBuffer, SumMemory } from "./packed-gradient.js";

export class GradientAccumulator {
  readonly #parameters: readonly ParameterSpecification[];
  readonly #packed = new Map<string, PackedGradient>();
  readonly #sums = new Map<string, WeightArray>();
  readonly #buffer = new PartBuffer();
  readonly #memory = new SumMemory();
  readonly #sampledProduct: SampledProduct;

  /** @param sampledProduct belongs to the caller, who releases it; by default one thread, with nothing to release */
  constructor(parameters: readonly ParameterSpecification[], sampledProduct = new SampledProduct()) {
    this.#parameters = parameters;
    this.#sampledProduct = sampledProduct;
  }

  /** Starts a step: all sums are zero, and have the sizes that the optimizer now needs. */
  begin(optimizer: Optimizer): void {
    for (const parameter of this.#parameters) {
      const { name } = parameter;
      const need = optimizer.need(name);
      const known = this.#packed.get(name);
      if (known !== undefined && sameNeed(need, known.need)) {
        known.begin();
        continue;
      }
      known?.letGo();
      if (need.kind === "nothing") {
        this.#packed.delete(name);
        this.#sums.delete(name);
      } else {
        this.#packed.set(name, new PackedGradient(parameter, need, this.#buffer, this.#memory));
      }
    }
    this.#memory.keepFor([...this.#packed.values()]);
  }

  /** Adds the gradients of a stage. A right factor that consecutive products have in common is taken in once. */
  readonly add = (gradients: readonly ParameterGradient[]): void => {
    let set: Extract<Gradient, { readonly form: "product" }> | undefined;
    for (const { parameterName, firstRow = 0, parts } of gradients) {
      const packed = this.#packed.get(parameterName);
      if (packed === undefined) continue;
      for (const part of parts) {
        if (part.form !== "product") {
          packed.add(part, firstRow);
          continue;
        }
        if (set === undefined || part.right !== set.right || part.images?.windows !== set.images?.windows) {
          this.#setRight(part, packed.columns);
        }
        set = part;
        packed.addProduct(part.left, this.#sampledProduct, firstRow);
      }
    }
  };

  /** The factors have a row for each token, or place of a window; their columns are the tensor's rows and columns. */
  #setRight({ right, images }: Extract<Gradient, { readonly form: "product" }>, columns: number): void {
    if (images === undefined) this.#sampledProduct.setRight(right, right.length / columns);
    else this.#sampledProduct.setRightImages(right, images.count, images.windows);
  }

  /** The sums by parameter name, packed where the need is "entries", and then in bfloat16 where they may be. */
  sums(): ReadonlyMap<string, WeightArray> {
    for (const packed of this.#packed.values()) this.#sums.set(packed.name, packed.sum());
    return this.#sums;
  }

  /**
   * Hands out the sum of a parameter whose gradients have all come, with its l2 norm; when `receive` returns, the memory is that of
   * gradients to come. Of a parameter that was handed out already, or of which nothing is needed, it hands out nothing.
   */
  handOut(name: string, receive: (sum: WeightArray, norm: number) => void): void {
    const packed = this.#packed.get(name);
    if (packed === undefined || packed.isReleased) return;
    const sum = packed.sum();
    packed.release();
    receive(sum, Math.sqrt(packed.squares()));
  }

  /** The parameters of whose gradients something is needed. */
  names(): string[] {
    return [...this.#packed.keys()];
  }

  /** The l2 norm over everything that is trained. */
  norm(): number {
    let squares = 0;
    for (const packed of this.#packed.values()) squares += packed.squares();
    return Math.sqrt(squares);
  }

  /** Multiplies everything by a factor. */
  scale(factor: number): void {
    for (const packed of this.#packed.values()) packed.scale(factor);
  }
}

function sameNeed(need: GradientNeed, other: GradientNeed): boolean {
  if (need.kind === "entries" && other.kind === "entries") return need.selection === other.selection;
  return need.kind === other.kind;
}
