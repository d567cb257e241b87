/**
 * Which share of each tensor is selected, where that is not the same for all. The count of selected entries over all tensors is what
 * it would be with equal shares, but for rounding and for the one entry that every chunk has.
 */

/** Equal shares; in proportion to a tensor's size; or counts in proportion to the energy of its gradient at the first step. */
export const shareKinds = ["equal", "size", "gradient"] as const;
export type ShareKind = (typeof shareKinds)[number];

/** The shares of an optimizer's tensors. */
export class Shares {
  readonly kind: ShareKind;
  readonly #sizes: ReadonlyMap<string, number>;
  /** Of each tensor's first gradient the sum of squares. */
  readonly #energies = new Map<string, number>();
  #known: { readonly density: number; readonly shares: ReadonlyMap<string, number> } | undefined;

  /** @param sizes the count of each tensor's entries */
  constructor(kind: ShareKind, sizes: ReadonlyMap<string, number>) {
    this.kind = kind;
    this.#sizes = sizes;
  }

  /** A tensor's own density where the mean over all entries is `density`; the same for all until all gradients were measured. */
  densityOf(name: string, density: number): number {
    if (this.kind === "equal" || (this.kind === "gradient" && this.#energies.size < this.#sizes.size)) return density;
    if (this.#known?.density !== density) {
      const wanted = this.kind === "size" ? new Map([...this.#sizes].map(([of, n]) => [of, n * n])) : this.#energies;
      this.#known = { density, shares: sharesOf(this.#sizes, wanted, density) };
    }
    return this.#known.shares.get(name) ?? density;
  }

  /** Whether a tensor's whole gradient is needed, to be measured. */
  awaits(name: string): boolean {
    return this.kind === "gradient" && !this.#energies.has(name);
  }

  energyOf(name: string): number {
    return this.#energies.get(name) ?? 0;
  }

  /** @param energy undefined to forget it */
  setEnergy(name: string, energy: number | undefined): void {
    this.#known = undefined;
    if (energy === undefined) this.#energies.delete(name);
    else this.#energies.set(name, energy);
  }
}

/** The sum of squares of a gradient, in float32, as it is stored. */
export function energyOf(gradient: Float32Array): number {
  let sum = 0;
  for (const slope of gradient) sum += slope * slope;
  return Math.min(Math.fround(sum), 3.4e38);
}

/**
 * Densities by tensor, for which the counts of selected entries are in proportion to what is wanted, and at most all: what a full
 * tensor leaves goes to the others.
 */
export function sharesOf(
  sizes: ReadonlyMap<string, number>,
  wanted: ReadonlyMap<string, number>,
  density: number,
): ReadonlyMap<string, number> {
  const tensors = [...sizes].map(([name, size]) => ({ name, size, want: wanted.get(name) ?? 0 }));
  // Those that fill first come first.
  tensors.sort((a, b) => b.want * a.size - a.want * b.size);
  const shares = new Map<string, number>();
  let count = density * tensors.reduce((sum, { size }) => sum + size, 0);
  for (const [place, { name, size, want }] of tensors.entries()) {
    const rest = tensors.slice(place);
    const left = rest.reduce((sum, tensor) => sum + tensor.want, 0);
    // Where nothing is wanted of any that is left, all are alike.
    const each = left === 0 ? count / rest.reduce((sum, tensor) => sum + tensor.size, 0) : undefined;
    const countOf = (tensor: { readonly size: number; readonly want: number }) =>
      each === undefined ? count * (tensor.want / left) : each * tensor.size;
    if (countOf({ size, want }) < size) {
      for (const tensor of rest) shares.set(tensor.name, countOf(tensor) / tensor.size);
      break;
    }
    shares.set(name, 1);
    count -= size;
  }
  return shares;
}
