/** Gradient flow over the whole distribution of inputs, integrated: what it keeps, and where it ends. */
import { lengthOf, meanProductSlope, type Neuron, scaled, sum, type Vector } from "./two-layer.js";

/** The derivative of half the mean squared error of a student by each of its neurons. */
function slopes(student: readonly Neuron[], teacher: readonly Neuron[]): Neuron[] {
  return student.map(({ a, w }) => {
    let direction: Vector = [0, 0];
    for (const [sign, neurons] of [
      [1, student],
      [-1, teacher],
    ] as const) {
      for (const other of neurons) direction = sum(direction, scaled(meanProductSlope(w, other.w), sign * other.a));
    }
    // The mean of the error times relu(w . x) is w times that of the error times its derivative, by homogeneity.
    return { a: direction[0] * w[0] + direction[1] * w[1], w: scaled(direction, a) };
  });
}

function moved(student: readonly Neuron[], by: readonly Neuron[], step: number): Neuron[] {
  return student.map(({ a, w }, place) => {
    const change = by[place] as Neuron;
    return { a: a - step * change.a, w: sum(w, scaled(change.w, -step)) };
  });
}

/** One step of gradient flow by the rule of Runge and Kutta of order 4, or of gradient descent. */
export function flowStep(
  student: readonly Neuron[],
  teacher: readonly Neuron[],
  step: number,
  method: "runge-kutta" | "descent",
): Neuron[] {
  const first = slopes(student, teacher);
  if (method === "descent") return moved(student, first, step);
  const second = slopes(moved(student, first, step / 2), teacher);
  const third = slopes(moved(student, second, step / 2), teacher);
  const fourth = slopes(moved(student, third, step), teacher);
  const weighted = [
    { by: first, weight: 1 },
    { by: second, weight: 2 },
    { by: third, weight: 2 },
    { by: fourth, weight: 1 },
  ];
  return weighted.reduce<Neuron[]>((after, { by, weight }) => moved(after, by, (weight * step) / 6), [...student]);
}

const shortestStep = 1e-5;

/** The greatest change of |a_i|^2 - |w_i|^2 of any neuron, which the flow keeps, after a time. */
export function invariantDrift(
  student: readonly Neuron[],
  teacher: readonly Neuron[],
  { time, step, method }: { readonly time: number; readonly step: number; readonly method: "runge-kutta" | "descent" },
): number {
  const invariant = ({ a, w }: Neuron) => a ** 2 - lengthOf(w) ** 2;
  const before = student.map(invariant);
  let now: readonly Neuron[] = student;
  for (let left = time; left > 1e-9; ) {
    // A neuron turns the faster, the shorter it is: what follows the flow takes shorter steps then.
    const shortest = Math.min(...now.map(({ w }) => lengthOf(w)));
    const next = method === "descent" ? step : Math.min(step, Math.max(shortestStep, 0.05 * shortest), left);
    now = flowStep(now, teacher, next, method);
    left -= next;
  }
  return Math.max(...now.map((neuron, place) => Math.abs(invariant(neuron) - (before[place] ?? 0))));
}

/** Where a neuron ends that alone is trained to be another, beside one that is left over. */
export interface FlowEnd {
  readonly epsilon: number;
  /** |v - v~|, in which v is the trained neuron a w with its outer weight absorbed. */
  readonly error: number;
}

/**
 * Theorem 2.2: of two neurons that cancel, with outer weights of at most `sqrt(epsilon)`, the one of the right sign is trained alone
 * to be the new neuron `target`; the other stays, a perturbation of size epsilon. The flow of v = |a| w, from `epsilon * direction` on:
 *
 *     dv/dt = -d/dv 1/2 mean of (relu(v . x) - relu(target . x) - epsilon relu(direction . x))^2
 *
 * @param direction of length 1
 */
export function flowOfSmallest(target: Vector, direction: Vector, epsilon: number): FlowEnd {
  let v: Vector = scaled(direction, epsilon);
  const slope = (at: Vector): Vector => {
    const wanted = sum(meanProductSlope(at, target), scaled(meanProductSlope(at, direction), epsilon));
    return sum(scaled(at, 0.5), scaled(wanted, -1));
  };
  const step = 0.5;
  for (let steps = 0; steps < 10_000; steps++) {
    const first = slope(v);
    const second = slope(sum(v, scaled(first, -step / 2)));
    const third = slope(sum(v, scaled(second, -step / 2)));
    const fourth = slope(sum(v, scaled(third, -step)));
    const change = scaled(sum(sum(first, fourth), scaled(sum(second, third), 2)), -step / 6);
    v = sum(v, change);
    if (lengthOf(change) < 1e-15) break;
  }
  return { epsilon, error: lengthOf(sum(v, scaled(target, -1))) };
}

/** The slope of the errors over epsilon, both as logarithms, by least squares: 1 where the error is in proportion to epsilon. */
export function slopeOf(ends: readonly FlowEnd[]): number {
  const points = ends.map(({ epsilon, error }) => [Math.log(epsilon), Math.log(error)] as const);
  const [meanX, meanY] = [0, 1].map(
    (axis) => points.reduce((total, point) => total + (point[axis] ?? 0), 0) / points.length,
  );
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - (meanX ?? 0)) * (y - (meanY ?? 0));
    below += (x - (meanX ?? 0)) ** 2;
  }
  return above / below;
}
