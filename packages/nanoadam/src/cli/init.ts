import { existsSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { InputError } from "../errors.js";
import { writeFileAtomically } from "../files/write-file.js";
import { optionFileOf } from "../options/option-files.js";
import { askOptions } from "./ask-options.js";
import { addHelpTail } from "./help.js";
import { quoted } from "./quoted.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam init", "nanoadam init reviews.yaml"];

/** `nanoadam init`: asks for model and data, and writes a file for `finetune --config`. */
export function initCommand(streams: Streams = process): Command {
  return addHelpTail(new Command("init"), { examples })
    .description("Ask for model, data and columns, and write a file of options for finetune --config.")
    .argument("[file]", "the file to write", "nanoadam.yaml")
    .action(async (file: string) => {
      if (!/\.ya?ml$/i.test(file)) {
        throw new InputError(
          `${file} is to be the file of options, expected a name that ends in .yaml; data are asked for`,
        );
      }
      if (existsSync(file)) throw new InputError(`${file} is there already; name another file, or move it away`);
      // Only a person at a terminal can be asked.
      if (streams.stdin !== process.stdin || process.stdin.isTTY !== true) {
        throw new InputError(
          `init asks questions, and standard input is no terminal; this writes such a file without: nanoadam finetune --model DIR --train FILE --print-config > ${quoted(file)}`,
        );
      }
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
      // Unlike `question`, this keeps what is typed before it is asked for.
      const typed = lines[Symbol.asyncIterator]();
      try {
        const options = await askOptions({
          ask: async (question, otherwise) => {
            lines.setPrompt(`${question}${otherwise === undefined ? "" : ` [${otherwise}]`}: `);
            lines.prompt();
            const { value, done } = await typed.next();
            if (done === true) throw new InputError(`not all questions were answered; ${file} was not written`);
            return value.trim() === "" ? (otherwise ?? "") : value.trim();
          },
          tell: (line) => streams.stdout.write(`${line}\n`),
        });
        await writeFileAtomically(file, optionFileOf(options));
        streams.stdout.write(`written; this starts it: nanoadam finetune --config ${quoted(file)}\n`);
      } finally {
        lines.close();
      }
    });
}
