/** A table of words for a window: as it is, or turned, or a row beneath the other, whichever fits first. */
import stringWidth from "string-width";
import type { Table } from "../markdown-table.js";

export function plainTable({ headings, rows }: Table, columns: number): string {
  const upright = [headings, ...rows];
  const turned = headings.map((heading, place) => [heading, ...rows.map((row) => row[place] ?? "")]);
  for (const cells of [upright, turned]) {
    const lines = aligned(cells);
    if (lines.every((line) => stringWidth(line) <= columns)) return lines.map((line) => `${line}\n`).join("");
  }
  const [, ...names] = headings;
  return rows
    .map(([first = "", ...others]) => {
      const lines = aligned(names.map((name, place) => [`  ${name}`, others[place] ?? ""]));
      return `${[first, ...lines].join("\n")}\n`;
    })
    .join("");
}

/** Lines of cells, the first column to the left and the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, place) => Math.max(...rows.map((row) => stringWidth(row[place] ?? ""))));
  return rows.map((row) =>
    row
      .map((cell, place) => {
        const room = " ".repeat((widths[place] ?? 0) - stringWidth(cell));
        return place === 0 ? cell + room : room + cell;
      })
      .join("  "),
  );
}
