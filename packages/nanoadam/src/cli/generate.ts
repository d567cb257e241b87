import { Command, Option } from "commander";
import { readStandardInput } from "../files/standard-input.js";
import { formatCount } from "../format.js";
import { type GenerateInput, generateSchema } from "../options/generation-options.js";
import { parseOptions } from "../options/parse-options.js";
import { loadTextGenerator } from "../recipes/load-text-generator.js";
import type { FinishReason } from "../recipes/text-pieces.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";

const examples = [
  'nanoadam generate --model stories --prompt "Once upon a time"',
  'nanoadam generate --model stories --prompt "Once" --temperature 0.8 --top-p 0.95 --seed 7',
  "cat question.txt | nanoadam generate --model answers --max-new-tokens 64",
];

/** `nanoadam generate`: goes on with a text. */
export function generateCommand(streams: Streams = process): Command {
  const command = new Command("generate").description("Go on with a text, token by token.");
  return addHelpTail(addFlags(command, generateSchema), { examples })
    .option("--json", "print one JSON object at the end: text, ids, why it ended, tokens a second")
    .addOption(new Option("--quiet", "nothing on standard error"))
    .action(async ({ json, quiet, ...flags }: Flags) => {
      const prompt = await promptOf(flags.prompt, streams);
      const given = prompt === undefined ? flags : { ...flags, prompt };
      const options = parseOptions(generateSchema, optionsOfFlags<GenerateInput>(generateSchema, given));
      const status = new StatusLine({ stream: streams.stderr });
      const tell = (line: string) => (quiet === true ? undefined : status.print(line));
      await print(options, json === true, { streams, status, tell });
    });
}

/** The prompt of the flag; "-", and a pipe where there is no flag, is standard input without the line break at its end. */
async function promptOf(flag: Flags[string], { stdin }: Streams): Promise<Flags[string]> {
  const isPipe = stdin !== undefined && !(stdin === process.stdin && process.stdin.isTTY === true);
  if (stdin === undefined || (flag !== "-" && (flag !== undefined || !isPipe))) return flag;
  return (await readStandardInput(stdin)).replace(/\r?\n$/, "");
}

interface PrintContext {
  readonly streams: Streams;
  readonly status: StatusLine;
  tell(line: string): void;
}

async function print(
  { model, prompt, weights, threads, engine, ...options }: GenerateInput,
  isJson: boolean,
  { streams, status, tell }: PrintContext,
): Promise<void> {
  status.show(() => "loading");
  const generator = await loadTextGenerator(model, { weights, threads, engine }, { onNotice: tell }).finally(() =>
    status.clear(),
  );
  try {
    const started = performance.now();
    let [text, firstAt] = ["", started];
    let finishReason: FinishReason | undefined;
    const ids: number[] = [];
    for await (const piece of generator.generate(prompt, options)) {
      if (ids.length === 0) firstAt = performance.now();
      text += piece.text;
      ids.push(...piece.ids);
      finishReason = piece.finishReason;
      if (!isJson) streams.stdout.write(piece.text);
    }
    const ended = performance.now();
    const promptIds = generator.encode(prompt);
    // Beams hand out their answer when all of it is there.
    const [from, count] = (options.beams ?? 1) > 1 ? [started, ids.length] : [firstAt, ids.length - 1];
    const tokensPerSecond = count < 1 ? undefined : (1000 * count) / (ended - from);
    if (isJson) {
      const seconds = { prompt: (firstAt - started) / 1000, answer: (ended - firstAt) / 1000 };
      streams.stdout.write(
        `${JSON.stringify({ prompt, promptIds, text, ids, finishReason, seconds, tokensPerSecond })}\n`,
      );
    } else if (!text.endsWith("\n")) streams.stdout.write("\n");
    tell(
      paceOf({
        tokens: ids.length,
        promptTokens: promptIds.length,
        promptSeconds: (firstAt - started) / 1000,
        tokensPerSecond,
      }),
    );
  } finally {
    await generator.close();
  }
}

interface Pace {
  readonly tokens: number;
  readonly promptTokens: number;
  readonly promptSeconds: number;
  readonly tokensPerSecond: number | undefined;
}

function paceOf({ tokens, promptTokens, promptSeconds, tokensPerSecond }: Pace): string {
  const pace = tokensPerSecond === undefined ? "" : `, ${formatPace(tokensPerSecond)} tokens/s`;
  return `${formatCount(tokens)} tokens${pace}; prompt of ${formatCount(promptTokens)} in ${promptSeconds.toFixed(2)} s`;
}

export function formatPace(tokensPerSecond: number): string {
  return tokensPerSecond < 100 ? tokensPerSecond.toFixed(1) : formatCount(Math.round(tokensPerSecond));
}
