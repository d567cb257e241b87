/**
 * Lemma E.2: how far two networks are apart is bounded by the neurons in which they differ,
 *
 *     |f - g| in L2 of the normal distribution  <=  1/sqrt(2) sum |a_i| |w_i|  <=  1/(2 sqrt(2)) sum (a_i^2 + |w_i|^2),
 *
 * the sums over the neurons of the difference. A neuron alone is at the first bound, a balanced one at the second.
 */
import { lengthOf, type Neuron, valueAt } from "./two-layer.js";

export interface LemmaCheck {
  /** The norm of the network, by quadrature. */
  readonly norm: number;
  readonly byNeurons: number;
  readonly byWeights: number;
}

const angles = 20_000;

/**
 * The norm and its two bounds. A network of this kind is homogeneous, so the mean over a normal x is twice that over the unit
 * circle, where equidistant points integrate what is smooth but for some kinks.
 */
export function checkLemma(network: readonly Neuron[]): LemmaCheck {
  let total = 0;
  for (let place = 0; place < angles; place++) {
    const angle = (2 * Math.PI * (place + 0.5)) / angles;
    total += valueAt(network, [Math.cos(angle), Math.sin(angle)]) ** 2;
  }
  return {
    norm: Math.sqrt((2 * total) / angles),
    byNeurons: network.reduce((bound, { a, w }) => bound + Math.abs(a) * lengthOf(w), 0) / Math.SQRT2,
    byWeights: network.reduce((bound, { a, w }) => bound + a ** 2 + lengthOf(w) ** 2, 0) / (2 * Math.SQRT2),
  };
}
