/**
 * A list of JSON, or objects on lines of their own, read piece by piece: neither the file's bytes nor its text are ever whole in
 * memory. What is anything else, or has a fault, is left to `parseJsonTable`, which knows all forms and what to say.
 */
import { isObject } from "../../files/json-value.js";
import { elementsInSteps, parsedOrNothing } from "./json-text.js";
import { linesOf } from "./lines.js";
import { ObjectRows } from "./object-rows.js";
import type { Table, TableOptions } from "./table.js";

/** So much text may wait for the end of a row. */
const longestRow = 1 << 24;

/** How rows are told apart. */
interface Form {
  /** Whether each line is a row. */
  readonly isLines: boolean;
  /** Adds the rows that are whole in a text, and gives what is left of it; undefined for what is not of the form. */
  take(text: string, isEnd: boolean): string | undefined;
}

/**
 * The table of a file of JSON of one of the two forms; undefined for anything else.
 * @param pieces the file's bytes, in order
 */
export async function readJsonPieces(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
  options: TableOptions,
): Promise<Table | undefined> {
  const rows = new ObjectRows(file, options);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let form: Form | undefined;
  let rest: string | undefined = "";
  for await (const piece of pieces) {
    const text = decodedOrNothing(decoder, piece);
    if (text === undefined) return undefined;
    form ??= formOf(text, file, rows);
    rest = form?.take(rest + text, false);
    if (rest === undefined || rest.length > longestRow) return undefined;
  }
  const end = decodedOrNothing(decoder);
  if (form === undefined || end === undefined || form.take(rest + end, true) === undefined) return undefined;
  // One object alone may be columns, or hold a list.
  const isOneObject = rows.count === 1 && form.isLines && !hasLines(file);
  return rows.count === 0 || isOneObject ? undefined : rows.table();
}

const hasLines = (file: string) => /\.(jsonl|ndjson)$/i.test(file);

/** The next piece as text, or at the end what is left; undefined for what is not UTF-8. */
function decodedOrNothing(decoder: InstanceType<typeof TextDecoder>, piece?: Uint8Array): string | undefined {
  try {
    return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
  } catch {
    return undefined;
  }
}

/** The form that the file's first piece shows; see `parseJsonTable`. */
function formOf(text: string, file: string, rows: ObjectRows): Form | undefined {
  const start = text.trimStart();
  if (start.startsWith("[") && !hasLines(file)) return listForm(rows);
  const [first] = start.split(/[\r\n]/, 1);
  return isObject(parsedOrNothing(first ?? "")) ? lineForm(rows) : undefined;
}

function lineForm(rows: ObjectRows): Form {
  let linesBefore = 0;
  return {
    isLines: true,
    take(text, isEnd) {
      const whole = isEnd ? text.length : text.lastIndexOf("\n") + 1;
      let last = 0;
      for (const { line, text: json } of linesOf(text.slice(0, whole))) {
        last = line;
        if (json.trim() === "") continue;
        const value = parsedOrNothing(json);
        if (!isObject(value)) return undefined;
        rows.add(linesBefore + line, value);
      }
      linesBefore += last;
      return text.slice(whole);
    },
  };
}

/** What is left begins with the bracket that opens the list, and then where the last element ended. */
function listForm(rows: ObjectRows): Form {
  let linesBefore = 0;
  let opening = "[";
  return {
    isLines: false,
    take(text, isEnd) {
      let end = -1;
      let line = 1;
      for (const element of elementsInSteps(text)) {
        // The text may end in the midst of an element.
        if (element === undefined || element.end === text.length) continue;
        const separator = text.slice(Math.max(end, 0), element.start).trim();
        if (separator.replace(/\s/g, "") !== (end < 0 ? opening : ",")) return undefined;
        const value = parsedOrNothing(text.slice(element.start, element.end));
        if (!isObject(value)) return undefined;
        rows.add(linesBefore + element.line, value);
        ({ end, endLine: line } = element);
      }
      if (isEnd) return (end < 0 ? text : `[${text.slice(end)}`).replace(/\s/g, "") === "[]" ? "" : undefined;
      if (end < 0) return text;
      linesBefore += line - 1;
      opening = "[,";
      return `[${text.slice(end)}`;
    },
  };
}
