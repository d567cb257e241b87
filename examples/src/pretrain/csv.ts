/**
 * The records of comma-separated text (RFC 4180): a field in quotes may hold commas, line ends, and quotes doubled.
 * Throws where a quote stands elsewhere or is not closed.
 */
export function parseCsv(content: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let next = 0;
  // A field, then what ends it: a comma, a line end, or the end of the text.
  for (const match of content.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (match.index !== next) break;
    next += match[0].length;
    const [, quoted, plain = "", end] = match;
    const isEmptyLine = record.length === 0 && quoted === undefined && plain === "" && end !== ",";
    if (!isEmptyLine) record.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ",") continue;
    if (record.length > 0) records.push(record);
    record = [];
  }
  if (next < content.length)
    throw new Error(`a stray or unclosed quote in record ${records.length + 1} of a .csv file`);
  return records;
}
