/** Where the tags of a Jinja template are, which the library that runs it does not keep. */

export interface TemplateTag {
  readonly kind: "statement" | "expression" | "comment";
  readonly start: number;
  readonly end: number;
  /** Counted from 1. */
  readonly line: number;
}

const quoted = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'/.source;
const tagPattern = new RegExp(
  [
    /\{#[\s\S]*?#\}/.source,
    `\\{%(?:${quoted}|[^"'%]|%(?!\\}))*(?:%\\}|$)`,
    `\\{\\{(?:${quoted}|[^"'}]|\\}(?!\\}))*(?:\\}\\}|$)`,
  ].join("|"),
  "g",
);

/** The tags of a template, in order; one that is not closed reaches its end. */
export function templateTags(source: string): TemplateTag[] {
  let [line, counted] = [1, 0];
  return [...source.matchAll(tagPattern)].map(({ 0: tag, index: start }) => {
    line += source.slice(counted, start).split("\n").length - 1;
    counted = start;
    const kind = tag[1] === "#" ? "comment" : tag[1] === "%" ? "statement" : "expression";
    return { kind, start, end: start + tag.length, line };
  });
}
