import { finder, firstOf } from "./finder.js";

export interface Line {
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
}

/** The lines of a text, which LF, CRLF and CR end; after the last line end there is no further one. */
export function* linesOf(text: string): Generator<Line> {
  const lineEnd = firstOf(finder(text, "\n"), finder(text, "\r"));
  let line = 1;
  for (let start = 0; start < text.length; line++) {
    const end = lineEnd(start);
    yield { line, text: text.slice(start, end) };
    start = end + (text.startsWith("\r\n", end) ? 2 : 1);
  }
}
