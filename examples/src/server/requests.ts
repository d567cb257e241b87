/** What clients may send, and how much of it. */
import { HTTPException } from "hono/http-exception";

export const limits = {
  predict: { bytes: 256 * 1024, texts: 64, waiting: 1_024 },
  finetune: { bytes: 8 * 1024 * 1024, rows: 20_000 },
  characters: 10_000,
};

/** A text with what it is. */
export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

/** The texts of `{"texts": ["...", ...]}`. */
export function textsOf(body: unknown): string[] {
  const texts = fieldOf(body, "texts");
  if (!Array.isArray(texts) || texts.length > limits.predict.texts) {
    throw refusal(`"texts" must be a list of at most ${limits.predict.texts} texts`);
  }
  return texts.map(textOf);
}

/** The rows of `{"rows": [{"text": "...", "label": "..."}, ...]}`. */
export function rowsOf(body: unknown): LabelledText[] {
  const rows = fieldOf(body, "rows");
  if (!Array.isArray(rows) || rows.length > limits.finetune.rows) {
    throw refusal(`"rows" must be a list of at most ${limits.finetune.rows} rows, each with "text" and "label"`);
  }
  return rows.map((row: unknown) => ({ text: textOf(fieldOf(row, "text")), label: textOf(fieldOf(row, "label")) }));
}

export async function jsonOf(request: { json(): Promise<unknown> }): Promise<unknown> {
  return request.json().catch(() => {
    throw refusal("the body is no JSON");
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string {
  if (typeof value === "string" && value.length <= limits.characters) return value;
  throw refusal(`each text and label must be a string of at most ${limits.characters} characters`);
}

function refusal(message: string): HTTPException {
  return new HTTPException(400, { message });
}
