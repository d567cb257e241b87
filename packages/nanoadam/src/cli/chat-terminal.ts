/** A conversation in a terminal, or over pipes: a line is what a user says. */
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { AbortError, InputError } from "../errors.js";
import type { GenerateOptions } from "../options/generation-options.js";
import type { Conversation } from "../recipes/conversation.js";
import { withFlags } from "./flag-names.js";
import type { OutputStream } from "./terminal.js";

export interface ChatTerminal {
  readonly conversation: Conversation;
  readonly options: GenerateOptions;
  readonly input: AsyncIterable<Uint8Array | string> | readonly string[];
  readonly output: OutputStream;
  /** Says something beside the conversation. */
  tell(line: string): void;
}

/**
 * Answers line after line, until /exit, the end of the input, or Ctrl-C on an empty line. Ctrl-C ends an answer that is under way, and
 * throws away a line that is half typed.
 */
export async function chatInTerminal({ conversation, options, input, output, tell }: ChatTerminal): Promise<void> {
  const isTerminal = output instanceof Writable && [input, output].every((stream) => "isTTY" in stream && stream.isTTY);
  const lines = createInterface({
    input: input instanceof Readable ? input : Readable.from(input),
    // Without a terminal nothing is echoed, and answers stand alone.
    output: isTerminal ? output : new Writable({ write: (_, __, done) => done() }),
    terminal: isTerminal,
    prompt: isTerminal ? "> " : "",
  });
  let answering: AbortController | undefined;
  lines.on("SIGINT", () => {
    if (answering !== undefined && !answering.signal.aborted) answering.abort();
    else if (lines.line !== "") {
      for (const key of ["e", "u"]) lines.write(null, { ctrl: true, name: key });
    } else lines.close();
  });
  let isOver = false;
  lines.on("close", () => {
    isOver = true;
  });
  lines.prompt();
  for await (const line of lines) {
    const said = line.trim();
    if (said === "/exit") break;
    if (said === "/clear") conversation.clear();
    else if (/^\/\w+$/.test(said)) tell(`there is no ${said}, only /clear and /exit`);
    else if (said !== "") {
      answering = new AbortController();
      await answer(conversation, said, options, { output, tell, signal: answering.signal });
      answering = undefined;
    }
    if (!isOver) lines.prompt();
  }
  if (isTerminal && isOver) output.write("\n");
  lines.close();
}

async function answer(
  conversation: Conversation,
  said: string,
  options: GenerateOptions,
  { output, tell, signal }: Pick<ChatTerminal, "output" | "tell"> & { readonly signal: AbortSignal },
): Promise<void> {
  try {
    for await (const { text, finishReason } of conversation.say(said, options, { signal })) {
      output.write(text);
      if (finishReason === undefined) continue;
      output.write("\n");
      if (finishReason === "length") tell("(cut off; --max-new-tokens allows longer answers)");
    }
  } catch (error) {
    if (error instanceof AbortError) output.write("\n");
    else if (error instanceof InputError) tell(withFlags(error.message));
    else throw error;
  }
}
