/** Conversations in rows of data: lists of messages, as OpenAI and TRL write them or as ShareGPT does. */
import { excerpt, InputError } from "../errors.js";
import { isObject } from "../files/json-value.js";
import { describe } from "./tables/json.js";
import type { ChatMessage } from "./text/chat-template.js";

/** The roles that ShareGPT calls otherwise. */
const roles: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  system: "system",
};

/** Whether a cell has a list of messages: a JSON list of objects with a role, or with whom they are from. */
export function isConversation(cell: string): boolean {
  const list = jsonOf(cell);
  return (
    Array.isArray(list) &&
    list.length > 0 &&
    list.every((message) => isObject(message) && ("role" in message || "from" in message))
  );
}

/**
 * The messages of a cell.
 * @param place what errors call the cell: its row and column
 * @throws InputError for a cell that has none, or a message without a role that is known or without text
 */
export function messagesOf(cell: string, place: string): ChatMessage[] {
  const list = jsonOf(cell);
  if (!Array.isArray(list) || list.length === 0) {
    throw new InputError(
      `${place} is ${describe(list ?? cell)}, expected a list of messages with "role" and "content"`,
    );
  }
  return list.map((message, index) => messageOf(message, `${place}, message ${index + 1}`));
}

/** Functions that a conversation may call, as JSON; nothing for an empty cell. */
export function toolsOf(cell: string, place: string): readonly unknown[] | undefined {
  if (cell.trim() === "" || cell === "null") return undefined;
  const list = jsonOf(cell);
  if (Array.isArray(list)) return list;
  throw new InputError(`${place} is ${describe(list ?? cell)}, expected a list of functions`);
}

function messageOf(message: unknown, place: string): ChatMessage {
  if (!isObject(message)) throw new InputError(`${place} is ${describe(message)}, expected an object`);
  if (typeof message.role === "string") {
    const content = contentOf(message.content, place);
    if (content !== undefined) return { ...message, role: message.role, content };
    // A call of a function stands in for words.
    if (Array.isArray(message.tool_calls)) return { ...message, role: message.role };
    const found = message.content === undefined ? "missing" : describe(message.content);
    throw new InputError(`${place}: "content" is ${found}, expected text`);
  }
  const { from, value } = message;
  const role = typeof from === "string" && Object.hasOwn(roles, from) ? roles[from] : undefined;
  if (role === undefined) {
    throw new InputError(
      `${place}: ${"from" in message ? `"from" is ${describe(from)}, expected one of ${Object.keys(roles).join(", ")}` : 'there is no "role"'}`,
    );
  }
  if (typeof value !== "string") {
    throw new InputError(`${place}: "value" is ${value === undefined ? "missing" : describe(value)}, expected text`);
  }
  return { role, content: value };
}

/** Text, or the texts of a list of parts, as OpenAI writes them; undefined where there is none. */
function contentOf(content: unknown, place: string): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.map((part: unknown) => {
    if (isObject(part) && part.type === "text" && typeof part.text === "string") return part.text;
    const kind = isObject(part) && typeof part.type === "string" ? `"${excerpt(part.type)}"` : describe(part);
    throw new InputError(`${place}: a part of "content" is ${kind}, expected parts of type "text" alone`);
  });
  return texts.join("");
}

function jsonOf(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return undefined;
  }
}
