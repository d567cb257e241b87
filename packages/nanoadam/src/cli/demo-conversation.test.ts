import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { converse } from "./demo-conversation.js";

/** What is shown to one who types all of this. */
async function shown(typed: string): Promise<string> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.end(typed);
  await converse({ input, output, prompt: "> ", answer: async (message) => [message.toUpperCase(), "."] });
  output.end();
  return text(output);
}

const withoutPrompts = (text: string) => text.replaceAll("> ", "").trimEnd();

test("message after message is answered until an empty line", async () => {
  expect(withoutPrompts(await shown("refund\n  parcel \n\nnever read\n"))).toBe("REFUND\n.\nPARCEL\n.");
});

test("or until there are no more", async () => {
  expect(withoutPrompts(await shown("refund\n"))).toBe("REFUND\n.");
  expect(await shown("")).toBe("> \n");
});
