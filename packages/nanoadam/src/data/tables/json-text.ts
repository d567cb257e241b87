/** Values in the text of JSON: with all digits of large whole numbers, and with the lines on which they begin. */
import { excerpt, InputError } from "../../errors.js";
import { stringEnd } from "../../files/json-keys.js";
import { rowsOfStep, type Steps } from "./steps.js";

/** A whole number that JavaScript may not hold: 16 digits or more where a value begins. */
const largeInteger = /(?:^|[:,[\s])-?[1-9]\d{15,}(?![\d.eE])/;
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/**
 * The value of a JSON text. Whole numbers of 16 digits or more are texts of their digits.
 * @param place what the error calls the text, such as "x.json, line 3"; of a text of several lines, the file
 * @throws InputError that says what was expected, for a text that is no JSON
 */
export function parseJson(text: string, place: string, expected: string): unknown {
  try {
    return JSON.parse(largeInteger.test(text) ? withQuotedIntegers(text) : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const at = place.includes(", line ") ? place : `${place}${lineOf(reason, text)}`;
    throw new InputError(`${at} is not valid JSON, expected ${expected}: ${excerpt(reason, 160)}.`);
  }
}

/** The value of a JSON text; undefined where the text is none. */
export function parsedOrNothing(text: string): unknown {
  try {
    return parseJson(text, "", "");
  } catch {
    return undefined;
  }
}

function withQuotedIntegers(text: string): string {
  return text.replace(stringOrNumber, (token) => (/^-?[1-9]\d{15,}$/.test(token) ? `"${token}"` : token));
}

/** The line that the parser's message means, as far as it says a place. */
function lineOf(reason: string, text: string): string {
  const position = /at position (\d+)/.exec(reason)?.[1];
  if (position === undefined) return "";
  return `, line ${text.slice(0, Number(position)).split("\n").length}`;
}

/** An element of a list: the line on which it begins, and its text. */
export interface JsonElement {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** The line on which it ends. */
  readonly endLine: number;
  /** Which list it is in, of those under one key. */
  readonly list: number;
}

/**
 * The elements of the outermost list of a JSON text, or of the list under a key of the outermost object; of damaged JSON as far as
 * they can be told apart.
 */
export function* jsonElements(text: string, key?: string): Steps<JsonElement[]> {
  let elements: JsonElement[] = [];
  for (const element of elementsInSteps(text, key)) {
    // Of a key that comes twice the last counts.
    if (element === undefined) yield;
    else if (element.list === elements[0]?.list) elements.push(element);
    else elements = [element];
  }
  return elements;
}

/** The elements as they are found, also of a list that another under the same key replaces; undefined now and then in between. */
export function* elementsInSteps(text: string, key?: string): Generator<JsonElement | undefined> {
  const listDepth = key === undefined ? 1 : 2;
  let list = 0;
  /** Of the element that has begun; -1 between two. */
  let [start, startLine] = [-1, 1];
  let [line, depth] = [1, 0];
  let [isWanted, isInList, keyIsNext] = [key === undefined, false, false];
  let tokens = 0;
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    if (++tokens % (32 * rowsOfStep) === 0) yield undefined;
    if (character === "\n") line++;
    if (character === "\n" || character === " " || character === "\t" || character === "\r") continue;
    if (isInList && depth === listDepth) {
      if (character === "," || character === "]") {
        if (start >= 0) yield { line: startLine, start, end: place, endLine: line, list };
        start = -1;
      } else if (start < 0) {
        start = place;
        startLine = line;
      }
    }
    if (character === '"') {
      const end = stringEnd(text, place);
      if (keyIsNext) isWanted = keyOf(text.slice(place, end)) === key;
      keyIsNext = false;
      place = end - 1;
    } else if (character === "[" || character === "{") {
      depth++;
      keyIsNext = key !== undefined && depth === 1;
      if (isWanted && depth === listDepth && character === "[") {
        isInList = true;
        list++;
      }
    } else if (character === "]" || character === "}") {
      if (depth === listDepth) isInList = false;
      depth--;
    } else if (character === ",") keyIsNext = key !== undefined && depth === 1;
  }
  if (start >= 0) yield { line: startLine, start, end: text.length, endLine: line, list };
}

function keyOf(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
