/** The command lines of a reproduction, with what its user gives. */
import { InputError } from "../errors.js";
import type { Reproduction } from "./reproductions.js";

export interface CommandLineContext {
  /** Flags that are passed on: they take the place of the reproduction's own. */
  readonly given: readonly string[];
  /** The flags of the model and the data that come with the package. */
  readonly demo: { readonly model: readonly string[]; readonly data: readonly string[] };
  /** The folder for what comes out. */
  readonly output: string;
  /** `--model` by `-m`. */
  readonly longFlags: ReadonlyMap<string, string>;
}

/** Flags of which a run takes only one. */
const alternatives = [
  ["--epochs", "--steps"],
  ["--eval", "--eval-share"],
];

/** A command line without the program's name, and the folder that it writes to. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly folder: string;
}

/** @throws InputError where what it runs on is not given */
export function commandLines(reproduction: Reproduction, context: CommandLineContext): CommandLine[] {
  const { given, demo, output, longFlags } = context;
  const flags = given
    .filter((word) => word.startsWith("-") && !Number.isFinite(Number(word)))
    .map((word) => word.split("=")[0] ?? word)
    .map((flag) => longFlags.get(flag) ?? flag);
  requireGiven(reproduction, flags);
  const replaced = new Set([
    ...flags,
    ...alternatives.filter((group) => group.some((flag) => flags.includes(flag))).flat(),
  ]);
  const onDemo = reproduction.on === "demo";
  return reproduction.commands.map((line, place, { length }) => {
    const [command = "", ...own] = line.split(" ");
    const words = [
      ...own,
      ...(onDemo && !flags.includes("--model") ? demo.model : []),
      // Data of one's own have their own columns.
      ...(onDemo && !flags.includes("--train") ? demo.data : []),
    ];
    const folder = length === 1 ? output : `${output}/${place + 1}`;
    return { words: [command, ...without(words, replaced), ...given, "--output", folder], folder };
  });
}

function requireGiven({ name, on, commands }: Reproduction, flags: readonly string[]): void {
  if (typeof on === "string") return;
  const missing = on.filter((flag) => !flags.includes(flag));
  if (missing.length === 0) return;
  const [command = ""] = commands[0]?.split(" ") ?? [];
  throw new InputError(
    `${name} needs a model and data that do not come with nanoadam: give ${missing.join(" and ")}, as to nanoadam ${command}`,
  );
}

/** Words without some flags and their values. */
function without(words: readonly string[], flags: ReadonlySet<string>): string[] {
  const isFlag = (word: string | undefined) => word?.startsWith("--") === true;
  return words.filter((word, place) => {
    const flag = isFlag(word) ? word : isFlag(words[place - 1]) ? words[place - 1] : undefined;
    return flag === undefined || !flags.has(flag);
  });
}
