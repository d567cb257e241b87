import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTexts } from "./read-texts.js";

const folder = mkdtempSync(join(tmpdir(), "nanoadam-texts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("readTexts", () => {
  it("takes the same texts from every kind of file, and nothing but the fields named", () => {
    const files = [
      file("a.txt", "one\ntwo\n"),
      file("a.tsv", "label\tsentence\n0\tone\n1\ttwo\n"),
      file("a.csv", 'sentence,label\r\none,0\r\n"two",1\r\n'),
      file("a.jsonl", '{"sentence":"one","label":0}\n{"sentence":"two","label":1}\n'),
      file("a.json", '[{"sentence":"one"},{"sentence":"two"}]'),
    ];
    for (const path of files) expect(readTexts(path, ["text", "sentence"])).toEqual(["one", "two"]);
  });

  it("takes plain quotes in .tsv as they are", () => {
    expect(readTexts(file("quotes.tsv", 'text\n"one" of two\n'), ["text"])).toEqual(['"one" of two']);
  });

  it("says so where a file has no such field or is of another kind", () => {
    expect(() => readTexts(file("b.tsv", "words\none\n"), ["text"])).toThrow("none of the columns text");
    expect(() => readTexts(file("b.jsonl", '{"words":"one"}\n'), ["text"])).toThrow("none of the fields text");
    expect(() => readTexts(file("b.parquet", ""), ["text"])).toThrow("is not a .txt");
  });
});
