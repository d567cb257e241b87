import { describe, expect, it } from "vitest";
import { parseCsv } from "./csv.js";

describe("parseCsv", () => {
  it("reads plain and quoted fields, empty ones, and line ends of both kinds", () => {
    expect(parseCsv('a,b\r\n"one, two","say ""hi"""\n,x\n')).toEqual([
      ["a", "b"],
      ["one, two", 'say "hi"'],
      ["", "x"],
    ]);
  });

  it("keeps line ends in quotes and skips empty lines", () => {
    expect(parseCsv('a\n\n"two\nlines"')).toEqual([["a"], ["two\nlines"]]);
  });

  it("keeps an empty last field", () => {
    expect(parseCsv("a,b\n1,\n2,")).toEqual([
      ["a", "b"],
      ["1", ""],
      ["2", ""],
    ]);
  });

  it("refuses a stray and an unclosed quote", () => {
    expect(() => parseCsv('a,b\nsay "x",1\n')).toThrow("record 2");
    expect(() => parseCsv('a\n"open\n')).toThrow("record 2");
  });
});
