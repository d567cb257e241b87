import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { readTexts } from "./examples.js";
import { openDataSource, type Row } from "./source.js";

async function csvFile(content: string): Promise<string> {
  const file = join(await temporaryFolder(), "train.csv");
  await writeFile(file, content);
  return file;
}

describe("columns that are named with a comma", () => {
  test("are one where the data have it, else several", async () => {
    const file = await csvFile('"Review, full",title,"good, bad"\nfine,a,b\n');
    const columnsOf = async (text: string[], label?: string[]) => {
      const source = await openDataSource(file, "train", { text, label });
      return [source.text, source.label];
    };
    expect(await columnsOf(["Review, full"], ["good, bad"])).toEqual([["Review, full"], ["good, bad"]]);
    expect(await columnsOf(["title,other"])).toEqual([["title", "other"], undefined]);
    expect(await columnsOf(["Review, full", "title"])).toEqual([["Review, full", "title"], undefined]);
    expect(await columnsOf(["title"], ["a,b,c"])).toEqual([["title"], ["a", "b", "c"]]);
  });

  test("may be paths", async () => {
    const rows = [{ a: { b: "one" }, c: { d: "two" } }];
    const source = await openDataSource(rows, "data", { text: ["a.b,c.d"] });
    expect(await readTexts(source)).toEqual([{ text: "one", textPair: "two" }]);
  });
});

describe("rows of a program", () => {
  function* rows(): Generator<Row> {
    yield { text: "a", label: 1, id: 2n ** 60n };
    yield { text: "b", label: null, list: ["x", 1], when: new Date(0) };
  }

  test("may be anything that gives objects one after the other, and mean what JSON would", async () => {
    const source = await openDataSource(rows(), "train", { text: ["text"] });
    expect(source).toMatchObject({ file: "`train`", format: "rows" });
    const table = await source.table();
    expect(table.rows.map(({ line, fields }) => [line, fields])).toEqual([
      [1, { text: "a", label: "1", id: "1152921504606846976" }],
      [2, { text: "b", when: "1970-01-01T00:00:00.000Z" }],
    ]);
    expect(await source.table()).toBe(table);
  });

  test("are refused by their number where they are no objects or lack what is asked for", async () => {
    const open = (data: Iterable<Row>) => openDataSource(data, "train", { text: ["text"] });
    const numbers = [{ text: "a" }, 7] as unknown as Row[];
    await expectRefusal((await open(numbers)).table(), "row 2 of `train` is 7, expected an object");
    await expectRefusal((await open([])).table(), "`train` has no rows");
    await expectRefusal(readTexts(await open([{ text: "a" }, { text: {} }])), 'row 2 of `train`: the field "text"');
    await expectRefusal(readTexts(await open([{ a: 1 }])), '`train` has no column "text"; its columns are "a"');
    await expectRefusal((await open([{ a: 1 }])).content(), "`train` has rows");
  });
});

test("a source tells what was left out of its table, once that is read", async () => {
  const file = await csvFile("text,label\na,b\ntext,label\n");
  const source = await openDataSource(file, "train", { text: ["text"] });
  expect(await source.notes()).toEqual([]);
  await source.table();
  expect(await source.notes()).toEqual([`${file}: 1 row repeats the header (line 3) and was left out`]);
});
