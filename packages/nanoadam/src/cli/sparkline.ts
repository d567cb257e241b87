const levels = "▁▂▃▄▅▆▇█";

/** A curve of so many columns at most, one for each stretch of the values, from the least to the greatest. */
export function sparkline(values: readonly number[], columns: number): string {
  const points = Math.min(columns, values.length);
  // Each column ends where its stretch ends, so that the last one is the newest value.
  const shown = Array.from(
    { length: points },
    (_, column) => values[Math.ceil(((column + 1) * values.length) / points) - 1] ?? 0,
  );
  const least = Math.min(...shown);
  const range = Math.max(...shown) - least;
  return shown
    .map((value) => levels[range > 0 ? Math.round(((value - least) / range) * (levels.length - 1)) : 0] ?? "")
    .join("");
}
