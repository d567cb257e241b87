/** Rows of data as tokens for a decoder, with what is learned of them. */
import { isConversation, messagesOf, toolsOf } from "../data/conversations.js";
import type { ExampleSource } from "../data/dataset.js";
import { mapInTurns } from "../data/in-turns.js";
import type { DataSource } from "../data/source.js";
import { placeOf } from "../data/tables/place.js";
import { requireColumn, requireField, type Table, type TableRow, textOf } from "../data/tables/table.js";
import type { TextEncoder } from "../data/text/encoder.js";
import {
  countLearned,
  encodeChat,
  encodeCompletion,
  type LearnedText,
  type LossOn,
} from "../data/text/learned-text.js";
import { InputError } from "../errors.js";
import { formOf, type InstructionForm } from "./instruction-columns.js";

/** What a decoder is taught. */
export interface InstructionTexts {
  readonly texts: readonly LearnedText[];
  readonly sources: readonly ExampleSource[];
  /** Rows that the cut left nothing to learn of; they are not among `texts`. */
  readonly cutAway: number;
}

/** The prompt of LLM-Adapters, which is Alpaca's: what an instruction is put into. */
export function instructionPrompt(instruction: string, input = ""): string {
  return input === ""
    ? `Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Response:\n`
    : `Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:\n`;
}

/** The prompt of a question, and an answer as it follows it: lm-evaluation-harness's form of GSM8K. */
export function questionPrompt(
  question: string,
  answer = "",
): { readonly prompt: string; readonly completion: string } {
  return { prompt: `Question: ${question}\nAnswer:`, completion: ` ${answer}` };
}

/** A row's text as people see it, and its tokens. */
type ReadRow = (row: TableRow) => { readonly encoded: LearnedText; readonly source: ExampleSource };

/**
 * The rows of a source: conversations, prompts with completions, instructions, or plain text, as its columns are.
 * @param lossOn which tokens are learned; where absent, the completion, or what the assistant writes, and plain text whole
 * @throws InputError with file and line for a row that is none of these, and where the cut leaves nothing of any
 */
export async function readInstructionTexts(
  source: DataSource,
  text: TextEncoder,
  lossOn: LossOn | undefined,
): Promise<InstructionTexts> {
  const table = await source.table();
  for (const column of source.text) requireColumn(table, column);
  const rows = table.rows.slice(0, source.limit);
  const [column = ""] = source.text;
  const form = formOf(source.text, () => isConversation(textOf(table, rows[0] as TableRow, column) ?? ""));
  refuseLoss(form, lossOn, source);
  const read = readerOf(form, table, source.text, text, lossOn ?? "completion");
  const all = await mapInTurns(rows, (row) => read(row));
  const kept = form === "text" ? all : all.filter(({ encoded }) => countLearned(encoded) > 0);
  if (kept.length === 0) throw nothingLeft(source, text);
  return {
    texts: kept.map(({ encoded }) => encoded),
    sources: kept.map((each) => each.source),
    cutAway: all.length - kept.length,
  };
}

function nothingLeft({ file }: DataSource, { maxLength }: TextEncoder): InputError {
  return new InputError(
    `${file}: every prompt fills \`maxLength\`, ${maxLength} tokens, and its completion is cut away wholly; give a larger \`maxLength\`, or shorter prompts`,
  );
}

/** Whether there is a completion, or an assistant, is for the data to say. */
function refuseLoss(form: InstructionForm, lossOn: LossOn | undefined, { file, text }: DataSource): void {
  if (lossOn === undefined || lossOn === "all") return;
  const columns = text.map((column) => `"${column}"`).join(" and ");
  if (form === "text") {
    throw new InputError(`\`lossOn\` is ${lossOn}, but ${file} has plain text in ${columns}, of which all is learned`);
  }
  if (lossOn === "assistant" && (form === "instruction" || form === "question")) {
    throw new InputError(`\`lossOn\` is assistant, but ${file} has no conversations in ${columns}`);
  }
}

function readerOf(
  form: InstructionForm,
  table: Table,
  columns: readonly string[],
  text: TextEncoder,
  lossOn: LossOn,
): ReadRow {
  const { tokenizer, maxLength } = text;
  const [first = "", second = ""] = columns;
  const field = (row: TableRow, column: string) => requireField(table, row, column);
  const place = (row: TableRow, column: string) => `${placeOf(table.file, row.line)}: "${column}"`;
  const completion = ({ line }: TableRow, prompt: string, answer: string) => ({
    encoded: encodeCompletion(tokenizer, { prompt, completion: answer }, { maxLength, lossOn }),
    source: { text: prompt, textPair: answer, line },
  });
  const chat = (row: TableRow, asked: readonly string[]) => {
    const parts = asked.map((column) => messagesOf(field(row, column), place(row, column)));
    const messages = parts.flat();
    const tools = table.columns.includes("tools")
      ? toolsOf(textOf(table, row, "tools") ?? "", place(row, "tools"))
      : undefined;
    const completionFrom = asked.length > 1 ? { completionFrom: parts[0]?.length ?? 0 } : {};
    requireAnswer(messages, lossOn, placeOf(table.file, row.line));
    const encoded = named(placeOf(table.file, row.line), () =>
      encodeChat(tokenizer, tokenizer.chatTemplate(), { messages, ...completionFrom, tools }, { maxLength, lossOn }),
    );
    const said = messages.map(({ role, content }) => `${role}: ${typeof content === "string" ? content : ""}`);
    return { encoded, source: { text: said.join("\n"), line: row.line } };
  };
  switch (form) {
    case "text":
      return (row) => ({
        encoded: text.encode({ text: field(row, first) }),
        source: { text: field(row, first), line: row.line },
      });
    case "conversation":
      return (row) => chat(row, [first]);
    case "instruction": {
      const [input, output = ""] = columns.length > 2 ? columns.slice(1) : [undefined, second];
      return (row) =>
        completion(row, instructionPrompt(field(row, first), input && textOf(table, row, input)), field(row, output));
    }
    case "question":
      return (row) => {
        const { prompt, completion: answer } = questionPrompt(field(row, first), field(row, second));
        return completion(row, prompt, answer);
      };
    case "completion":
      return (row) => {
        const [prompt, answer] = [field(row, first), field(row, second)];
        const [isChat, isAnswerChat] = [isConversation(prompt), isConversation(answer)];
        if (isChat && isAnswerChat) return chat(row, [first, second]);
        if (isChat !== isAnswerChat) {
          throw new InputError(
            `${place(row, isChat ? second : first)} is text, but ${isChat ? `"${first}"` : `"${second}"`} a list of messages, expected both to be the one or the other`,
          );
        }
        if (lossOn === "assistant") {
          throw new InputError(`\`lossOn\` is assistant, but ${placeOf(table.file, row.line)} has no conversation`);
        }
        return completion(row, prompt, answer);
      };
  }
}

function requireAnswer(messages: readonly { readonly role: string }[], lossOn: LossOn, place: string): void {
  if (lossOn === "all" || messages.some(({ role }) => role === "assistant")) return;
  throw new InputError(
    `${place}: no message is of the assistant, so there is nothing to learn; \`lossOn\` all learns every token`,
  );
}

/** What goes wrong with a row, with its place in front. */
function named<Result>(place: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${place}: ${error.message}`);
    throw error;
  }
}
