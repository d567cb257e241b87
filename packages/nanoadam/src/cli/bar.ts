import type { Colors } from "./terminal.js";

/** A share, from 0 to 1, as a bar of so many columns. */
export function bar(share: number, columns: number, colors: Colors): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * columns);
  return colors.green("█".repeat(full)) + colors.dim("░".repeat(columns - full));
}
