import { Command, CommanderError, Option } from "commander";
import wrapAnsi from "wrap-ansi";
import { InputError } from "../errors.js";
import { flagOf } from "../options/option-types.js";
import { didYouMean } from "../options/parse-options.js";
import { commandLines } from "../reproduce/command-lines.js";
import type { Finding } from "../reproduce/finding.js";
import { type Reproduction, reproductions } from "../reproduce/reproductions.js";
import { nanoadamRun } from "./demo-training.js";
import { shortFlags } from "./flag-groups.js";
import { addHelpTail, commandLine } from "./help.js";
import { quoted } from "./quoted.js";
import type { Streams } from "./streams.js";
import { terminalOf } from "./terminal.js";

const examples = [
  "nanoadam reproduce gradients",
  "nanoadam reproduce table-14 --model bert-base --train reviews.tsv --learning-rates 1e-4",
];

/** Runs a command of this program; the result is its exit code. */
export type RunCommand = (words: readonly string[]) => Promise<number>;

/** `nanoadam reproduce`: what the paper claims, tried at a small size. */
export function reproduceCommand(run: RunCommand, streams: Streams = process): Command {
  const command = new Command("reproduce").description(
    "List what of the paper can be repeated, or repeat it at a small size and set what comes out beside the paper's numbers.",
  );
  return addHelpTail(command, { examples })
    .usage("[NAME] [flags]")
    .argument("[name]", "what to repeat: a name of the list, or of the paper, such as figure-4")
    .argument("[flags...]", "passed on to the commands that are run, in place of their own")
    .addOption(new Option("-o, --output <DIR>", "folder of what comes out (default: reproduced/NAME)"))
    .allowUnknownOption()
    .action(async (name: string | undefined, given: readonly string[], { output }: { readonly output?: string }) => {
      const columns = terminalOf(streams.stdout).columns();
      const print = (text: string) => void streams.stdout.write(`${text}\n`);
      if (name === undefined) {
        for (const reproduction of reproductions) print(listed(reproduction, columns));
        return;
      }
      const reproduction = reproductionNamed(name);
      const lines = commandLines(reproduction, {
        given,
        demo: demoFlags(),
        output: output ?? `reproduced/${reproduction.name}`,
        longFlags: new Map(Object.entries(shortFlags).map(([option, short]) => [short, flagOf(option)])),
      });
      print(wrapAnsi(`${reproduction.repeats.join(", ")}. The paper: ${reproduction.claim}`, columns));
      for (const { words } of lines) {
        print(`\n${commandLine(["nanoadam", ...words.map(quoted)].join(" "), columns)}\n`);
        const exitCode = await run(words);
        if (exitCode !== 0) throw new CommanderError(exitCode, "nanoadam.reproduce", "");
      }
      const findings = await reproduction.judge?.(lines.map(({ folder }) => folder));
      print("");
      if (findings === undefined) print("What the paper compares is measured apart: docs/paper.md says how.");
      else for (const line of verdict(findings, columns)) print(line);
    });
}

/** Its name, or what it repeats in the spelling `table-7`. */
function reproductionNamed(name: string): Reproduction {
  const wanted = name.toLowerCase();
  const isMeant = ({ name: own, repeats }: Reproduction) => own === wanted || repeats.map(slug).includes(wanted);
  const found = reproductions.find(isMeant);
  if (found !== undefined) return found;
  const names = reproductions.map((each) => each.name);
  const meant = didYouMean(wanted, [...names, ...reproductions.flatMap(({ repeats }) => repeats.map(slug))]);
  throw new InputError(
    `there is nothing to reproduce called "${name}"${meant || `, expected one of ${names.join(", ")}`}`,
  );
}

/** "theorem-2.2" of "Theorem 2.2". */
function slug(item: string): string {
  return item.toLowerCase().replaceAll(" ", "-");
}

/** The demo's encoder and messages, and how they are learned. */
function demoFlags() {
  const { model, train, text, label, evalShare, maxLength, batchSize, warmup, dropout } = nanoadamRun;
  const flags = { train, text, label, evalShare, maxLength, batchSize, warmup, dropout };
  return {
    model: ["--model", model],
    data: Object.entries(flags).flatMap(([option, value]) => [flagOf(option), String(value)]),
  };
}

function listed({ name, repeats, claim, on, minutes }: Reproduction, columns: number): string {
  const needed = typeof on === "string" ? "" : `; needs ${on.join(" and ")}`;
  const time = minutes === undefined ? "" : `; about ${minutes} min on two cores`;
  return [name, indented(`${repeats.join(", ")}${needed}${time}`, columns), indented(claim, columns)].join("\n");
}

/** Each finding beside the paper's, and how many of its claims hold here. */
function* verdict(findings: readonly Finding[], columns: number): Iterable<string> {
  for (const { what, paper, here, holds } of findings) {
    const judged = holds ? "holds" : "does not hold";
    yield wrapAnsi(what, columns);
    yield indented(`paper: ${paper}`, columns);
    yield indented(`here:  ${here} (${judged})`, columns);
  }
  yield "";
  yield `${findings.filter(({ holds }) => holds).length} of ${findings.length} claims hold here`;
}

function indented(text: string, columns: number): string {
  return wrapAnsi(text, Math.max(columns - 2, 20)).replace(/^/gm, "  ");
}
