/**
 * What messages call a row of a table: a line of a file of text, a row of Parquet, or a row of what a program gave by an option,
 * whose name in backticks stands for the file.
 */
export function placeOf(file: string, line: number): string {
  if (file.startsWith("`")) return `row ${line} of ${file}`;
  return /\.parquet$/i.test(file) ? `${file}, row ${line}` : `${file}, line ${line}`;
}
