import { Command } from "commander";
import { chatSchema } from "../options/generation-options.js";
import { parseOptions } from "../options/parse-options.js";
import { loadTextGenerator } from "../recipes/load-text-generator.js";
import { chatInTerminal } from "./chat-terminal.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";

const examples = [
  "nanoadam chat --model assistant",
  'nanoadam chat --model assistant --system "You answer in one sentence." --temperature 0.7',
];

const hint = "/clear begins anew, /exit or Ctrl-D ends; Ctrl-C stops an answer";

/** `nanoadam chat`: a conversation in the terminal. */
export function chatCommand(streams: Streams = process): Command {
  const command = new Command("chat").description("Talk with a decoder that has a chat template.");
  return addHelpTail(addFlags(command, chatSchema), { examples }).action(async (flags: Flags) => {
    const { model, system, weights, threads, engine, ...options } = parseOptions(
      chatSchema,
      optionsOfFlags(chatSchema, flags),
    );
    const status = new StatusLine({ stream: streams.stderr });
    status.show(() => "loading");
    const tell = (line: string) => status.print(line);
    const generator = await loadTextGenerator(model, { weights, threads, engine }, { onNotice: tell }).finally(() =>
      status.clear(),
    );
    try {
      const conversation = generator.converse(system);
      if (streams.stdin === process.stdin && process.stdin.isTTY === true) status.print(hint);
      await chatInTerminal({ conversation, options, input: streams.stdin ?? [], output: streams.stdout, tell });
    } finally {
      await generator.close();
    }
  });
}
