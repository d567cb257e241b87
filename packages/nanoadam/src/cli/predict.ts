import { Command, Option } from "commander";
import { z } from "zod";
import { InputError } from "../errors.js";
import { formatCount, formatSeconds } from "../format.js";
import { predictFileSchema, predictSchema } from "../options/saved-model-options.js";
import { formatPrediction, predictInBlocks } from "../recipes/predict.js";
import { predictFile } from "../recipes/predict-file.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { progressLine } from "./progress-line.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";

const examples = [
  'nanoadam predict --model reviews-model --text "I want my money back"',
  "nanoadam predict new.csv --model reviews-model --text review --output labelled.csv",
  "cat lines.txt | nanoadam predict - --model reviews-model",
];

const flagsSchema = z.object({ ...predictFileSchema.shape, ...predictSchema.shape });

/** `nanoadam predict`: labels or numbers for texts. */
export function predictCommand(streams: Streams = process): Command {
  const command = new Command("predict")
    .description("Label texts with a fine-tuned checkpoint: one, or all of a file.")
    .argument("[data]", "file to label, or - for standard input: a text, or a JSON object, on each line");
  return addHelpTail(addFlags(command, flagsSchema), { examples })
    .option("--json", "print one JSON object a line")
    .addOption(new Option("--quiet", "no progress on standard error"))
    .action(async (file: string | undefined, { json, quiet, ...given }: Flags) => {
      if (file !== undefined && given.data !== undefined) {
        throw new InputError(`the data are given twice, as ${file} and as \`data\` ${String(given.data)}`);
      }
      const flags = file === undefined ? given : { ...given, data: file };
      if (json === true && flags.output !== undefined) {
        throw new InputError("--json cannot go with `output`, whose ending says the format");
      }
      const status = new StatusLine({ stream: streams.stderr });
      if (flags.data === "-" && streams.stdin === process.stdin && process.stdin.isTTY) {
        status.print("a text on each line, please; Ctrl-D ends");
      }
      const control = {
        onNotice: (notice: string) => status.print(notice),
        ...(streams.stdin === undefined ? {} : { standardInput: streams.stdin }),
        ...(quiet === true ? {} : { onProgress: showProgress(status) }),
      };
      try {
        if (flags.output === undefined) {
          await print(flags, json === true, { streams, status, control });
          return;
        }
        const rows = await predictFile(optionsOfFlags(predictFileSchema, flags), control);
        status.clear();
        if (quiet !== true) streams.stdout.write(`${formatCount(rows)} rows written to ${String(flags.output)}\n`);
      } finally {
        status.clear();
      }
    });
}

interface PrintContext {
  readonly streams: Streams;
  readonly status: StatusLine;
  readonly control: Parameters<typeof predictInBlocks>[2];
}

/** Predictions on standard output, a line each, as they come. */
async function print(flags: Flags, isJson: boolean, { streams, status, control }: PrintContext): Promise<void> {
  if (flags.overwrite === true) throw new InputError("`overwrite` needs `output`");
  await predictInBlocks(
    optionsOfFlags(predictSchema, flags),
    async ({ predictions }, { predictor }) => {
      const lines = predictions.map((each) => (isJson ? JSON.stringify(each) : formatPrediction(each, predictor)));
      status.clear();
      streams.stdout.write(lines.map((line) => `${line}\n`).join(""));
    },
    control,
  );
}

/** The progress of many predictions: the time left, how many of them, and how many in a second. */
function showProgress(status: StatusLine): (done: number, total: number) => void {
  const { colors } = status.terminal;
  const started = performance.now();
  return (done, total) => {
    if (total < 2) return;
    const perSecond = (1000 * done) / (performance.now() - started);
    const fields = [
      [`${formatSeconds((total - done) / perSecond)} left`],
      [`${formatCount(done)} of ${formatCount(total)} texts`, `${formatCount(done)}/${formatCount(total)}`],
      [`${formatCount(Math.round(perSecond))} texts/s`],
    ];
    status.show((columns) => progressLine({ done: done / total, fields }, columns, colors));
  };
}
