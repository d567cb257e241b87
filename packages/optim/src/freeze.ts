import type { Optimizer } from "./types.js";

/**
 * An optimizer that also knows tensors that never move: it needs nothing of their gradients. All else is the optimizer
 * given, as with the frozen weights beside an adapter.
 */
export function withFrozen(optimizer: Optimizer, names: Iterable<string>): Optimizer {
  const frozen = new Set(names);
  return {
    name: optimizer.name,
    get completedSteps() {
      return optimizer.completedSteps;
    },
    prepare: () => optimizer.prepare(),
    need: (name) => (frozen.has(name) ? { kind: "nothing" } : optimizer.need(name)),
    apply: (gradients, learningRate, beforeUpdate) => optimizer.apply(gradients, learningRate, beforeUpdate),
    update: (name, gradient, learningRate, beforeUpdate) =>
      optimizer.update(name, gradient, learningRate, beforeUpdate),
    complete: () => optimizer.complete(),
    density: () => optimizer.density(),
    stateBytes: () => optimizer.stateBytes(),
    state: () => optimizer.state(),
    stateInPlace: () => optimizer.stateInPlace(),
    restore: (state) => optimizer.restore(state),
  };
}
