/**
 * Where the gradients of a step gather: for each parameter only what its optimizer asked for, so that a micro-batch
 * adds a selection's worth of numbers, not a tensor's.
 */
import { SampledProduct } from "@nanoadam/engine";
import type { GradientNeed, Optimizer } from "@nanoadam/optim";
import type { ParameterSpecification } from "../models/model.js";
import { GatheredGradient } from "./packed-gradient.js";
import type { ParameterGradient } from "./program.js";

export class GradientAccumulator {
  readonly #parameters: readonly ParameterSpecification[];
  readonly #gathered = new Map<string, GatheredGradient>();
  readonly #sums = new Map<string, Float32Array>();
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
      const known = this.#gathered.get(name);
      if (known !== undefined && sameNeed(need, known.need)) {
        known.begin();
      } else if (need.kind === "nothing") {
        this.#gathered.delete(name);
        this.#sums.delete(name);
      } else {
        this.#gathered.set(name, new GatheredGradient(parameter, need, known));
      }
    }
  }

  /** Adds the gradients of a stage. A right factor that consecutive products have in common is taken in once. */
  readonly add = (gradients: readonly ParameterGradient[]): void => {
    let right: Float32Array | undefined;
    for (const { parameterName, parts } of gradients) {
      const gathered = this.#gathered.get(parameterName);
      if (gathered === undefined) continue;
      for (const part of parts) {
        if (part.kind !== "product") {
          gathered.add(part);
          continue;
        }
        // The factors have a row for each token; their columns are the tensor's rows and columns.
        if (part.right !== right) this.#sampledProduct.setRight(part.right, part.right.length / gathered.columns);
        right = part.right;
        gathered.addProduct(part.left, this.#sampledProduct);
      }
    }
  };

  /** The sums by parameter name, packed where the need is "entries". */
  sums(): ReadonlyMap<string, Float32Array> {
    for (const gathered of this.#gathered.values()) this.#sums.set(gathered.name, gathered.sum());
    return this.#sums;
  }

  /** The l2 norm over everything that is trained. */
  norm(): number {
    let squares = 0;
    for (const gathered of this.#gathered.values()) {
      const sum = gathered.sum();
      for (let i = 0; i < sum.length; i++) squares += (sum[i] as number) ** 2;
    }
    return Math.sqrt(squares);
  }

  /** Multiplies everything by a factor. */
  scale(factor: number): void {
    for (const gathered of this.#gathered.values()) {
      const sum = gathered.sum();
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) * factor;
    }
  }
}

function sameNeed(need: GradientNeed, other: GradientNeed): boolean {
  if (need.kind === "entries" && other.kind === "entries") return need.selection === other.selection;
  return need.kind === other.kind;
}
