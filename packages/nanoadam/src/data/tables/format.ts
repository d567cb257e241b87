/** The ending of a file's name that tells its format, in lower case: ".csv" for train.csv and for train.CSV.gz. */
export function formatOf(file: string): string {
  return /\.\w+$/.exec(file.replace(/\.gz$/i, ""))?.[0].toLowerCase() ?? "";
}
