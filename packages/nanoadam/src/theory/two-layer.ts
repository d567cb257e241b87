/**
 * Networks of two layers, f(x) = sum of a_i relu(w_i . x) over neurons, on inputs of two numbers, and what is known of them in closed form
 * where inputs are standard normal (paper, section 4 and Appendix E; docs/theory.md).
 */

export type Vector = readonly [number, number];

/** A neuron: its outer weight and its inner ones. */
export interface Neuron {
  readonly a: number;
  readonly w: Vector;
}

export const lengthOf = ([x, y]: Vector): number => Math.hypot(x, y);
export const scaled = ([x, y]: Vector, factor: number): Vector => [factor * x, factor * y];
export const sum = ([a, b]: Vector, [x, y]: Vector): Vector => [a + x, b + y];

/** The value of a network at a point. */
export function valueAt(network: readonly Neuron[], [x, y]: Vector): number {
  return network.reduce((total, { a, w }) => total + a * Math.max(0, w[0] * x + w[1] * y), 0);
}

/** The angle between two vectors, 0 where one is 0. */
function angleBetween(u: Vector, v: Vector): number {
  return Math.abs(Math.atan2(u[0] * v[1] - u[1] * v[0], u[0] * v[0] + u[1] * v[1]));
}

/** The mean of relu(u . x) relu(v . x) over standard normal x: the arc-cosine kernel of degree 1 (Cho and Saul 2009). */
export function meanProduct(u: Vector, v: Vector): number {
  const angle = angleBetween(u, v);
  return (lengthOf(u) * lengthOf(v) * (Math.sin(angle) + (Math.PI - angle) * Math.cos(angle))) / (2 * Math.PI);
}

/** The derivative of {@link meanProduct} by its first vector. */
export function meanProductSlope(u: Vector, v: Vector): Vector {
  const angle = angleBetween(u, v);
  const size = lengthOf(u);
  const along = size === 0 ? 0 : (lengthOf(v) * Math.sin(angle)) / size;
  return scaled(sum(scaled(u, along), scaled(v, Math.PI - angle)), 1 / (2 * Math.PI));
}

/** The mean square of a network's value over standard normal inputs. */
export function meanSquare(network: readonly Neuron[]): number {
  let total = 0;
  for (const one of network) for (const other of network) total += one.a * other.a * meanProduct(one.w, other.w);
  return Math.max(0, total);
}

/** The network of the difference of two. */
export function difference(one: readonly Neuron[], other: readonly Neuron[]): readonly Neuron[] {
  return [...one, ...other.map(({ a, w }) => ({ a: -a, w }))];
}
