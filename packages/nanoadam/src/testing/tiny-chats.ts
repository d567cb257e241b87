import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tinyRows } from "./tiny-data.js";
import { tinyDecoders, writeTinyDecoder } from "./tiny-decoders.js";

/** Writes a decoder that has a chat template, with so many positions. */
export async function writeTinyChatDecoder(folder: string, positions: number): Promise<void> {
  await writeTinyDecoder(folder, { ...tinyDecoders.llama, max_position_embeddings: positions });
  const template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}";
  await writeFile(join(folder, "chat_template.jinja"), template);
}

/** Writes 40 conversations of a question and an answer, one a line. */
export async function writeTinyChats(path: string): Promise<void> {
  const chats = tinyRows(40).map(({ sentence, label }) => [
    { role: "user", content: sentence },
    { role: "assistant", content: `it is ${label}` },
  ]);
  await writeFile(path, chats.map((messages) => `${JSON.stringify({ messages })}\n`).join(""));
}
