import type { Optimizer, Parameter, WeightArray } from "./types.js";

/**
 * An optimizer under which the entries of some tensors that are 0 stay as they are, to the bit: a pruned network stays pruned under
 * any rule. Of tensors that are updated whole, the gradient counts as 0 where the weight is 0, and whatever a rule makes of that is
 * taken back. Tensors that are selected from are left to the selection ({@link SelectedOptions.skipZeros}). Nothing is kept from step
 * to step; on the way it takes a quarter of a byte for each entry of the largest tensor.
 *
 * @param pruned tensors of the optimizer, in float32 where they are updated whole
 */
export function withZerosKept(optimizer: Optimizer, pruned: readonly Parameter<WeightArray>[]): Optimizer {
  const tensors = new Map(pruned.map(({ name, values }) => [name, values]));
  const isWhole = (name: string) => optimizer.need(name).kind === "whole";
  const places = new ZeroPlaces();
  const withoutZeros = (name: string, gradient: WeightArray): WeightArray => {
    const values = tensors.get(name);
    if (!(gradient instanceof Float32Array) || !(values instanceof Float32Array) || !isWhole(name)) return gradient;
    return gradient.length === values.length ? withoutZeroPlaces(gradient, values) : gradient;
  };
  const noting = (beforeUpdate: ((name: string) => void) | undefined) => (name: string) => {
    places.restore();
    beforeUpdate?.(name);
    const values = tensors.get(name);
    if (values instanceof Float32Array && isWhole(name)) places.note(values);
  };
  return {
    name: optimizer.name,
    get completedSteps() {
      return optimizer.completedSteps;
    },
    prepare: () => optimizer.prepare(),
    need: (name) => optimizer.need(name),
    apply(gradients, learningRate, beforeUpdate) {
      const masked = new Map([...gradients].map(([name, gradient]) => [name, withoutZeros(name, gradient)]));
      optimizer.apply(masked, learningRate, noting(beforeUpdate));
      places.restore();
    },
    update(name, gradient, learningRate, beforeUpdate) {
      optimizer.update(name, withoutZeros(name, gradient), learningRate, noting(beforeUpdate));
      places.restore();
    },
    complete: () => optimizer.complete(),
    density: () => optimizer.density(),
    stateBytes: () => optimizer.stateBytes(),
    state: () => optimizer.state(),
    stateInPlace: () => optimizer.stateInPlace(),
    restore: (state) => optimizer.restore(state),
  };
}

/** The gradient itself, set to 0 where the weight is 0; one that is not finite is left for the optimizer to refuse. */
function withoutZeroPlaces(gradient: Float32Array, values: Float32Array): Float32Array {
  for (let entry = 0; entry < values.length; entry++) {
    if (values[entry] === 0 && Number.isFinite(gradient[entry])) gradient[entry] = 0;
  }
  return gradient;
}

/** Which entries of one tensor are 0, and of which sign. */
class ZeroPlaces {
  #values: Float32Array | undefined;
  /** Two bits an entry: whether it is 0, and whether that is -0. */
  #marks = new Uint8Array();

  note(values: Float32Array): void {
    const length = Math.ceil(values.length / 4);
    if (this.#marks.length < length) this.#marks = new Uint8Array(length);
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    this.#marks.fill(0, 0, length);
    for (let entry = 0; entry < bits.length; entry++) {
      const own = bits[entry] as number;
      if (own << 1 !== 0) continue;
      const mark = own === 0 ? 1 : 3;
      this.#marks[entry >> 2] = (this.#marks[entry >> 2] as number) | (mark << (2 * (entry & 3)));
    }
    this.#values = values;
  }

  /** Gives the entries that were 0 their value back; without a tensor it does nothing. */
  restore(): void {
    const values = this.#values;
    this.#values = undefined;
    if (values === undefined) return;
    for (let place = 0; place < Math.ceil(values.length / 4); place++) {
      const marks = this.#marks[place] as number;
      if (marks === 0) continue;
      for (let entry = 4 * place; entry < Math.min(4 * place + 4, values.length); entry++) {
        const mark = (marks >> (2 * (entry & 3))) & 3;
        if (mark !== 0) values[entry] = mark === 1 ? 0 : -0;
      }
    }
  }
}
