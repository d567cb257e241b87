import { InputError } from "../errors.js";

/** All of a stream of bytes as text, without a byte order mark; InputError where it is empty or not UTF-8. */
export async function readStandardInput(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const part of stream) text += typeof part === "string" ? part : decoder.decode(part, { stream: true });
    text += decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new InputError("Standard input is not UTF-8 text.");
  }
  if (text === "") throw new InputError("Standard input is empty, expected a text on each line.");
  return text;
}
