/** In which columns data have what a decoder learns: conversations, prompts with completions, instructions, or text. */
import type { Table } from "../data/tables/table.js";
import { chooseTextColumn } from "./choose-columns.js";
import type { ChosenColumns, NamedColumns, TaskKind } from "./task.js";

/** Names of a conversation's column. */
const conversationNames = ["messages", "conversations", "conversation"];
/** Names of the columns of prompts and of completions, which go together. */
const completionNames = [
  ["prompt", "completion"],
  ["question", "answer"],
] as const;

/** Columns whose lists and objects are kept when data are read. */
export const nestedColumns: readonly string[] = [...conversationNames, "prompt", "completion", "tools"];

/** How the columns of a source are read. */
export type InstructionForm = "conversation" | "completion" | "question" | "instruction" | "text";

/**
 * The columns of a table for a decoder: one of conversations or text, two of prompts and completions, or instruction, input and output.
 * @throws InputError where it is not clear which are meant
 */
export function chooseInstructionColumns(
  kind: Pick<TaskKind, "usualColumns">,
  table: Table,
  named: NamedColumns,
): ChosenColumns {
  if (named.text.length > 0) return { text: named.text, note: "" };
  const called = (name: string) => table.columns.find((column) => column.trim().toLowerCase() === name);
  const [instruction, input, output] = ["instruction", "input", "output"].map(called);
  if (instruction !== undefined && output !== undefined) {
    const text = [instruction, ...(input === undefined ? [] : [input]), output];
    return {
      text,
      note: `${table.file}: ${quoted(text.slice(0, -1))} ${text.length > 2 ? "are" : "is"} taken as the instruction and "${output}" as the answer to it`,
    };
  }
  const conversation = conversationNames.map(called).find((column) => column !== undefined);
  if (conversation !== undefined) {
    return { text: [conversation], note: `${table.file}: "${conversation}" is taken as the conversations` };
  }
  for (const names of completionNames) {
    const [prompt, completion] = names.map(called);
    if (prompt === undefined || completion === undefined) continue;
    const note = `${table.file}: "${prompt}" is taken as the prompt and "${completion}" as the completion`;
    return { text: [prompt, completion], note };
  }
  const text = chooseTextColumn(kind, table);
  return { text: [text], note: `${table.file}: "${text}" is taken as the text` };
}

/** The form of columns that are chosen or named; whether one column has conversations, `hasConversations` says. */
export function formOf(columns: readonly string[], hasConversations: () => boolean): InstructionForm {
  if (columns.length < 2) return hasConversations() ? "conversation" : "text";
  const [first, last] = [columns[0], columns.at(-1)].map((column) => column?.trim().toLowerCase());
  if (first === "instruction") return "instruction";
  return first === "question" && last === "answer" ? "question" : "completion";
}

function quoted(columns: readonly string[]): string {
  return columns.map((column) => `"${column}"`).join(" and ");
}
