/** How the time of a step and the memory of its process grow with layers and with tokens. */
import { type StepShape, withModelFolder } from "./model-folder.js";
import type { GrowthRow } from "./row.js";
import { nanoadamStep, type StepSettings } from "./step.js";

const flags = ["--static-mask", "--density", "0.01", "--final-density", "0.01"];

/** The slope of a straight line through the logarithms of points: the power with which y grows with x. */
export function fittedExponent(points: readonly { readonly x: number; readonly y: number }[]): number {
  const logarithms = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const middle = (of: (point: { x: number; y: number }) => number) =>
    logarithms.reduce((sum, point) => sum + of(point), 0) / logarithms.length;
  const [meanX, meanY] = [middle(({ x }) => x), middle(({ y }) => y)];
  const covariance = logarithms.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logarithms.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

/** Rows of time and memory over 2 to 24 layers and over 64 to 512 tokens a text, 256 wide, 8 texts. */
export async function growthRows(settings: StepSettings): Promise<GrowthRow[]> {
  const base: StepShape = { layers: 4, hidden: 256, heads: 4, batch: 8, length: 128 };
  const series = [
    { over: "layers", shapes: [2, 4, 8, 16, 24].map((layers) => ({ x: layers, shape: { ...base, layers } })) },
    { over: "tokens", shapes: [64, 128, 256, 512].map((length) => ({ x: length, shape: { ...base, length } })) },
  ];
  const rows: GrowthRow[] = [];
  for (const { over, shapes } of series) {
    const figures: { x: number; milliseconds: number; megabytes: number }[] = [];
    for (const { x, shape } of shapes) {
      const found = await withModelFolder(shape, (folder) => nanoadamStep(folder, shape, settings, flags));
      figures.push({ x, milliseconds: found.milliseconds, megabytes: found.peakMemory / 1e6 });
    }
    for (const unit of ["milliseconds", "megabytes"] as const) {
      const points = figures.map((figure) => ({ x: figure.x, y: figure[unit] }));
      rows.push({ name: `${unit} of a step over ${over}`, exponent: fittedExponent(points), points });
    }
  }
  return rows;
}
