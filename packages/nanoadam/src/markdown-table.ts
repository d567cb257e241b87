/** A table in words; the first cell of a row names it, the others are numbers. */
export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table as Markdown, numbers to the right. */
export function markdownTable({ headings, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = `|${headings.map((_, column) => (column === 0 ? "---" : "---:")).join("|")}|\n`;
  return [line(headings), rule, ...rows.map(line)].join("");
}
