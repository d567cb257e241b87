/** Help that fits the window: flags in groups, the tasks where a command has them, and examples. */
import type { Command, HelpConfiguration } from "commander";
import wrapAnsi from "wrap-ansi";
import { taskDescriptions } from "../options/objective-options.js";
import { withFlags } from "./flag-names.js";

const widestTerm = 26;
const indent = 2;
const usualColumns = 80;

/** A flag or a command in one column and what it is for in another; beneath, where the first is too wide or the window narrow. */
export const helpConfiguration: HelpConfiguration = {
  showGlobalOptions: true,
  minWidthToWrap: 20,
  formatItem(term, termWidth, description, helper) {
    return item(term, description, Math.min(termWidth, widestTerm), helper.helpWidth ?? usualColumns);
  },
};

/** What follows the flags in a command's help. */
export interface HelpTail {
  /** Command lines, without the `$`. */
  readonly examples: readonly string[];
  readonly withTasks?: boolean;
}

/** Lays out a command's help, and adds to it. */
export function addHelpTail(command: Command, { examples, withTasks = false }: HelpTail): Command {
  return command.configureHelp(helpConfiguration).addHelpText("after", () => {
    const columns = command.configureOutput().getOutHelpWidth?.() ?? usualColumns;
    return [
      ...(withTasks ? ["", "Tasks:", taskHelp(columns)] : []),
      "",
      examples.length === 1 ? "Example:" : "Examples:",
      ...examples.map((example) => commandLine(example, columns)),
    ].join("\n");
  });
}

/** The tasks as help lists them. */
export function taskHelp(columns: number): string {
  const width = Math.max(...[...taskDescriptions.keys()].map((name) => name.length));
  return [...taskDescriptions]
    .map(([name, description]) => item(name, withFlags(description), width, columns))
    .join("\n");
}

/** A command line as one types it, going on in further lines where it is too long. */
export function commandLine(example: string, columns: number): string {
  const lines: string[] = [];
  // A flag stays with its value.
  for (const part of example.match(/--?\w[\w-]* (?:"[^"]*"|[^-\s]\S*)|"[^"]*"|\S+/g) ?? []) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(`  $ ${part}`);
    else if (last.length + part.length + 3 <= columns) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(`      ${part}`);
  }
  return lines.join(" \\\n");
}

function item(term: string, description: string, termWidth: number, columns: number): string {
  const isBeside = columns - termWidth >= 40;
  const margin = isBeside ? indent + termWidth + 2 : 3 * indent;
  const lines = wrapAnsi(description, Math.max(columns - margin, 20)).split("\n");
  const first = " ".repeat(indent) + term;
  const text = lines.map((line) => " ".repeat(margin) + line).join("\n");
  if (description === "") return first;
  return isBeside && first.length + 2 <= margin ? first.padEnd(margin) + text.trimStart() : `${first}\n${text}`;
}
