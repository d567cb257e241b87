/** The figures of the theory: neurons as arrows, and the error of the flow over epsilon. */
import * as Plot from "@observablehq/plot";
import { colourOf, svgOf } from "../watch/draw.js";
import type { FlowEnd } from "./flow.js";
import { type Neuron, scaled } from "./two-layer.js";

interface Arrow {
  readonly x: number;
  readonly y: number;
  readonly isPositive: boolean;
}

/** A neuron as |a| w, which is all of it that the function knows, but for the sign of a. */
const arrowOf = ({ a, w }: Neuron): Arrow => {
  const [x, y] = scaled(w, Math.abs(a));
  return { x, y, isPositive: a > 0 };
};

/** One network: its neurons as arrows, and the neurons that it should have, if any, as rings. */
export function drawNeurons(title: string, network: readonly Neuron[], wanted: readonly Neuron[]): string {
  const [arrows, rings] = [network.map(arrowOf), wanted.map(arrowOf)];
  // Where there is nothing to be reached, the arrows fill the panel.
  const reach = rings.length > 0 ? 1.6 : 1.2 * Math.max(1e-9, ...arrows.map(({ x, y }) => Math.hypot(x, y)));
  const colour = ({ isPositive }: Arrow) => colourOf(isPositive ? 0 : 1);
  const seen = arrows.filter(({ x, y }) => Math.hypot(x, y) > 0.02).length;
  const axis = { domain: [-reach, reach], ticks: 3, label: null };
  return svgOf({
    width: 324,
    height: 300,
    margin: 24,
    marginLeft: 48,
    ariaLabel: `${title}: ${seen} of ${network.length} neurons longer than 0.02, and ${wanted.length} that it should have`,
    x: axis,
    y: axis,
    clip: true,
    marks: [
      Plot.ruleX([0], { strokeOpacity: 0.2 }),
      Plot.ruleY([0], { strokeOpacity: 0.2 }),
      Plot.arrow(arrows, { x1: 0, y1: 0, x2: "x", y2: "y", stroke: colour, strokeWidth: 1.8, headLength: 6 }),
      Plot.dot(rings, { x: "x", y: "y", r: 7, stroke: colour, strokeWidth: 1.5, strokeDasharray: "3 2" }),
    ],
  } as Plot.PlotOptions & { readonly ariaLabel: string });
}

/** The errors of Theorem 2.2 over epsilon, a line a draw. */
export function drawFlows(flows: readonly (readonly FlowEnd[])[]): string {
  const ends = flows.flatMap((flow, draw) => flow.map((end) => ({ ...end, draw })));
  return svgOf({
    width: 480,
    height: 320,
    marginLeft: 60,
    marginBottom: 40,
    ariaLabel: `Error of the flow over epsilon, of ${flows.length} draws, both axes logarithmic`,
    x: { type: "log", label: "epsilon", tickFormat: "~e", ticks: 5, grid: true },
    y: { type: "log", label: "error", tickFormat: "~e", ticks: 5, grid: true },
    marks: [
      Plot.line(ends, { x: "epsilon", y: "error", z: "draw", stroke: colourOf(0), strokeOpacity: 0.6 }),
      Plot.dot(ends, { x: "epsilon", y: "error", r: 2, fill: colourOf(0) }),
    ],
  });
}
