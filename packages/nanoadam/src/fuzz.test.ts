/**
 * Whatever readers are given, they read it or refuse it with one line, soon. `npm run fuzz -- --minutes 10 --seed 7` tries more;
 * what it finds goes into `testing/fuzz/corpus.json`, which is tried first.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { InputError } from "./errors.js";
import { commandReaders } from "./testing/fuzz/commands.js";
import { folderReaders } from "./testing/fuzz/folders.js";
import { Draw, mutateJson, mutateText } from "./testing/fuzz/mutate.js";
import { type FuzzedReader, readers as textReaders } from "./testing/fuzz/readers.js";

process.env.HF_HUB_OFFLINE = "1";
const readers = [...textReaders, ...folderReaders, ...commandReaders];
const minutes = Number(process.env.FUZZ_MINUTES ?? 0);
const seed = Number(process.env.FUZZ_SEED ?? 1);
/** Cases of a reader where no time is given. */
const cases = Math.ceil(Number(process.env.FUZZ_CASES ?? 150 * readers.length) / readers.length);
/** Milliseconds of processor time that a case may take: other processes of the machine do not count. */
const longest = 2000;

interface Found {
  readonly reader: string;
  readonly content: string;
}

const corpus = JSON.parse(
  readFileSync(new URL("testing/fuzz/corpus.json", import.meta.url), "utf8"),
) as readonly Found[];

/** What is wrong with how a reader takes a text; undefined where nothing is. */
async function faultOf(reader: FuzzedReader, content: string): Promise<string | undefined> {
  const began = process.cpuUsage();
  try {
    await reader.read(content);
  } catch (error) {
    if (!(error instanceof InputError)) return `${error instanceof Error ? error.stack : String(error)}`;
    const { message } = error;
    if (/\p{Cc}/u.test(message)) return `a message of more than one line: ${message}`;
    if (message.length > 500) return `a message of ${message.length} characters`;
    if (/\bundefined\b(?! values)|\[object |^\s*at /.test(message) && !/undefined|\[object/.test(content))
      return `it says ${message}`;
  }
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  return took > longest ? `${took.toFixed(0)} ms` : undefined;
}

function caseOf(reader: FuzzedReader, draw: Draw): string {
  const example = draw.of(reader.seeds);
  if (typeof example === "string") return mutateText(example, draw);
  let { json } = example;
  for (let change = 1 + draw.below(2); change > 0; change--) json = mutateJson(json, draw);
  return JSON.stringify(json);
}

describe.each(readers)("$name", (reader) => {
  test.each(corpus.filter((found) => found.reader === reader.name))("found before: $content", async ({ content }) => {
    expect(await faultOf(reader, content)).toBe(undefined);
  });

  test("damaged at random", { timeout: 60_000 + 120_000 * minutes + 200 * cases }, async () => {
    const end = performance.now() + (60_000 * minutes) / readers.length;
    let done = 0;
    for (let index = 0; minutes === 0 ? index < cases : performance.now() < end; index++) {
      const content = caseOf(reader, new Draw(seed * 1_000_003 + index));
      const fault = await faultOf(reader, content);
      expect(
        fault,
        `case ${index} of seed ${seed}: ${JSON.stringify({ reader: reader.name, content }).slice(0, 3000)}`,
      ).toBe(undefined);
      done++;
    }
    if (process.env.FUZZ_SEED !== undefined) process.stdout.write(`${done} cases of ${reader.name}\n`);
  });
});
