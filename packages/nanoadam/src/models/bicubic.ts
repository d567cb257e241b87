/** The kernel's parameter, as PyTorch has it. */
const sharpness = -0.75;

/**
 * Bicubic interpolation of `from` values to `to` of them, as a matrix [to, from], row by row: PyTorch's `interpolate` with
 * `mode="bicubic"` and `align_corners=False`, which repeats the values at the ends and does not smooth where values get fewer.
 */
export function bicubicWeights(from: number, to: number): number[] {
  const weights = new Array<number>(to * from).fill(0);
  for (let place = 0; place < to; place++) {
    const position = ((place + 0.5) * from) / to - 0.5;
    const first = Math.floor(position);
    for (let neighbour = -1; neighbour <= 2; neighbour++) {
      const at = place * from + Math.min(from - 1, Math.max(0, first + neighbour));
      weights[at] = (weights[at] ?? 0) + kernel(Math.abs(position - first - neighbour));
    }
  }
  return weights;
}

/** How much a value counts at a distance, in values; nothing from two on. */
function kernel(distance: number): number {
  const a = sharpness;
  if (distance <= 1) return (a + 2) * distance ** 3 - (a + 3) * distance ** 2 + 1;
  return distance < 2 ? a * (distance ** 3 - 5 * distance ** 2 + 8 * distance - 4) : 0;
}
