/** A path, or another word of a command line, as one types it. */
export function quoted(path: string): string {
  return /^[\w./\\:~,=%+-]+$/.test(path) ? path : `"${path}"`;
}
