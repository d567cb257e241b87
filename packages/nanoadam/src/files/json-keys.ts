/**
 * The keys of the outermost object of a JSON text, in order, repeated ones included (JSON.parse keeps the last of
 * them silently). The text must be valid JSON.
 */
export function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let keyIsNext = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '"') {
      const end = stringEnd(json, i);
      if (depth === 1 && keyIsNext) {
        keys.push(JSON.parse(json.slice(i, end)));
        keyIsNext = false;
      }
      i = end - 1;
    } else if (character === "{" || character === "[") {
      depth++;
      keyIsNext = character === "{" && depth === 1;
    } else if (character === "}" || character === "]") depth--;
    else if (character === "," && depth === 1) keyIsNext = true;
  }
  return keys;
}

/** The position after the string literal that begins at `start`, or the text's length where it is not closed. */
export function stringEnd(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}
