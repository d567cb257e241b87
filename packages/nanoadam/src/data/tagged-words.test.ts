import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type DataSourceOptions, dataSource } from "./source.js";
import { readTaggedWords, readWords } from "./tagged-words.js";

async function sourceOf(name: string, content: string, options: DataSourceOptions = {}) {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, content);
  return dataSource(file, options);
}

async function tagged(name: string, content: string, options: DataSourceOptions = {}): Promise<string[]> {
  const sentences = await readTaggedWords(await sourceOf(name, content, options));
  return sentences.map((sentence) => sentence.map(({ word, tag }) => `${word}/${tag}`).join(" "));
}

const rows =
  '{"tokens": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"], "pos": [1, 2]}\n{"tokens": [], "ner_tags": [], "pos": []}\n';
const lines = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n";

describe("words with tags", () => {
  test("are lists in JSON, under their usual names or others", async () => {
    expect(await tagged("a.jsonl", rows)).toEqual(["EU/B-ORG rejects/O", ""]);
    expect(await tagged("a.jsonl", rows, { text: ["tokens"], label: ["pos"], limit: 1 })).toEqual(["EU/1 rejects/2"]);
  });

  test.each(["a.conll", "a.iob", "a.txt", "a.TSV"])("are lines in %s, the first column and the last", async (name) => {
    expect(await tagged(name, lines)).toEqual(["EU/B-ORG rejects/O", "Peter/B-PER"]);
    expect(await tagged(name, lines, { text: ["1"], label: ["3"], limit: 1 })).toEqual(["EU/B-NP rejects/B-VP"]);
  });

  test("know the line of each word", async () => {
    const words = (await readTaggedWords(await sourceOf("a.conll", lines))).flat();
    expect(words.map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  test("are refused with file and line", async () => {
    const refusal = async (name: string, content: string, options: DataSourceOptions, ...says: string[]) =>
      expectRefusal(readTaggedWords(await sourceOf(name, content, options)), ...says);
    await refusal(
      "a.jsonl",
      '{"tokens": ["a", "b"], "ner_tags": ["O"]}',
      {},
      "line 1: 2 words",
      '1 tags in "ner_tags"',
    );
    await refusal(
      "a.jsonl",
      '{"tokens": "a b", "ner_tags": ["O"]}',
      {},
      'line 1: the field "tokens" is missing or no list',
    );
    await refusal("a.jsonl", rows, { label: ["tags"] }, 'has no column "tags"', '"pos"');
    await refusal("a.conll", "a\nb\n", {}, "line 1: 1 column, expected a word and its tag");
    await refusal("a.tsv", "a\tO\nb\t\n", {}, "line 2: the tag is empty");
    await refusal("a.conll", lines, { label: ["ner_tags"] }, "`label` is", "from 1 to 4");
    await refusal("a.conll", lines, { text: ["5"] }, "`text` is", "from 1 to 4");
    await refusal("a.csv", "word,tag\n", {}, "a.csv: words with tags are read from JSON", ".conll");
  });

  test("of any sentences come back from JSON and from lines", async () => {
    const word = fc.stringMatching(/^[a-z]{1,4}$/);
    const sentence = fc.array(fc.tuple(word, fc.constantFrom("O", "B-X", "I-X")), { minLength: 1, maxLength: 4 });
    const folder = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(fc.array(sentence, { minLength: 1, maxLength: 4 }), async (sentences) => {
        const json = sentences.map((each) => ({ tokens: each.map(([w]) => w), ner_tags: each.map(([, tag]) => tag) }));
        await writeFile(join(folder, "a.json"), JSON.stringify(json));
        const conll = sentences.map((each) => each.map(([w, tag]) => `${w} ${tag}\n`).join("")).join("\n");
        await writeFile(join(folder, "a.conll"), conll);
        const expected = sentences.map((each) => each.map(([w, tag]) => [w, tag]));
        for (const name of ["a.json", "a.conll"]) {
          const found = await readTaggedWords(dataSource(join(folder, name), {}));
          expect(found.map((each) => each.map(({ word: w, tag }) => [w, tag]))).toEqual(expected);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("words without tags", () => {
  test("come from lists, from texts, and from lines of words", async () => {
    const words = async (name: string, content: string, options: DataSourceOptions = {}) =>
      readWords(await sourceOf(name, content, options));
    expect(await words("a.jsonl", rows)).toEqual([["EU", "rejects"], []]);
    expect(await words("a.jsonl", '{"text": "EU  rejects "}')).toEqual([["EU", "rejects"]]);
    expect(await words("a.txt", "EU rejects\nPeter\n")).toEqual([["EU", "rejects"], ["Peter"]]);
    expect(await words("a.csv", "id,line\n1,EU rejects\n", { text: ["line"] })).toEqual([["EU", "rejects"]]);
    expect(await words("a.conll", lines)).toEqual([["EU", "rejects"], ["Peter"]]);
    expect(await words("a.conll", "EU\nrejects\n")).toEqual([["EU", "rejects"]]);
  });

  test("are refused where there is no such column", async () => {
    await expectRefusal(readWords(await sourceOf("a.csv", "id,line\n1,x\n")), 'no column "text"');
    await expectRefusal(readWords(await sourceOf("a.jsonl", '{"tokens": {}}')), 'line 1: the field "tokens"');
  });
});
