import { createInterface } from "node:readline";

/** Where messages come from, and where what is asked and answered goes. */
export interface Conversation {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** What stands before what is typed. */
  readonly prompt: string;
  /** The answer to a message, in lines. */
  answer(message: string): Promise<readonly string[]>;
}

/** Answers message after message, until an empty line, Ctrl-D or Ctrl-C. */
export async function converse({ input, output, prompt, answer }: Conversation): Promise<void> {
  const lines = createInterface({ input, output, prompt });
  let isOver = false;
  lines.on("SIGINT", () => lines.close());
  lines.on("close", () => {
    isOver = true;
  });
  lines.prompt();
  for await (const line of lines) {
    const message = line.trim();
    if (message === "") break;
    output.write(`${(await answer(message)).join("\n")}\n`);
    if (!isOver) lines.prompt();
  }
  // What ends without a line leaves the cursor behind the prompt.
  if (isOver) output.write("\n");
  lines.close();
}
