import { taskDescriptions } from "../options/objective-options.js";
import { withFlags } from "./flag-names.js";

const lineWidth = 80;

/** The tasks as help lists them: a column of names, and what each is beside it. */
export function taskHelp(): string {
  const indent = 4 + Math.max(...[...taskDescriptions.keys()].map((name) => name.length));
  const tasks = [...taskDescriptions].map(([name, description]) => {
    const lines = wrap(withFlags(description), lineWidth - indent);
    return `  ${name}`.padEnd(indent) + lines.join(`\n${" ".repeat(indent)}`);
  });
  return ["", "Tasks:", ...tasks].join("\n");
}

/** Lines of whole words, none longer than `width` unless a word is. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
