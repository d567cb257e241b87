import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BasicType, type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { readTable } from "./read-table.js";
import { listOf, requireField } from "./table.js";

/** A Parquet file of these columns, in groups of ten rows; `features` are those that the library `datasets` writes. */
async function parquetFile(columnData: ColumnSource[], features?: object): Promise<string> {
  const path = join(await temporaryFolder(), "x.parquet");
  const huggingface = { key: "huggingface", value: JSON.stringify({ info: { features } }) };
  const kvMetadata = features === undefined ? [] : [huggingface];
  await writeFile(path, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 10, kvMetadata })));
  return path;
}

const numbers = Array.from({ length: 25 }, (_, index) => index);
const column = (name: string, type: BasicType, of: (index: number) => unknown): ColumnSource => ({
  name,
  type,
  data: numbers.map(of),
});

const classLabel = { names: ["neg", "pos"], _type: "ClassLabel" };

describe("Parquet", () => {
  test("is rows of texts, numbers with all their digits, booleans, lists and paths into what is nested", async () => {
    const table = await readTable(
      await parquetFile([
        column("text", "STRING", (i) => `text é ${i}`),
        column("id", "INT64", (i) => 2n ** 60n + BigInt(i)),
        column("label", "BOOLEAN", (i) => i % 2 === 0),
        column("score", "DOUBLE", (i) => (i === 3 ? Number.NaN : i / 2)),
        column("review", "JSON", (i) => ({ body: `b${i}` })),
        column("tokens", "JSON", () => ["a", "b"]),
      ]),
      { asked: ["review.body"] },
    );
    const [first, , , fourth] = table.rows;
    expect(table.rows.map(({ line }) => line)).toEqual(numbers.map((number) => number + 1));
    expect(first?.fields).toEqual({
      text: "text é 0",
      id: "1152921504606846976",
      label: "true",
      score: "0",
      "review.body": "b0",
    });
    if (fourth === undefined) throw new Error("four rows expected");
    expect(listOf(table, fourth, "tokens")).toEqual(["a", "b"]);
    await expectRefusal(() => requireField(table, fourth, "score"), 'x.parquet, row 4: the field "score" is missing');
  });

  test("has the names of classes that its features say; -1 is no class", async () => {
    const features = { label: classLabel, tags: { feature: classLabel, _type: "Sequence" } };
    const columns = [
      column("label", "INT64", (i) => BigInt((i % 3) - 1)),
      column("tags", "JSON", () => [0, 1]),
      column("other", "INT32", () => 1),
    ];
    const table = await readTable(await parquetFile(columns, features));
    expect(table.rows.slice(0, 3).map(({ fields }) => fields)).toEqual([
      { other: "1" },
      { label: "neg", other: "1" },
      { label: "pos", other: "1" },
    ]);
    const [row] = table.rows;
    expect(row && listOf(table, row, "tags")).toEqual(["neg", "pos"]);
  });

  test("is read up to the limit; of the rows after it only the labels", async () => {
    const file = await parquetFile([
      column("text", "STRING", (i) => `text ${i}`),
      column("label", "STRING", (i) => `label ${i % 4}`),
    ]);
    const table = await readTable(file, { limit: 12, labels: ["label"] });
    expect(table.rows.map(({ fields }) => fields)).toEqual(
      numbers.map((i) => (i < 12 ? { text: `text ${i}`, label: `label ${i % 4}` } : { label: `label ${i % 4}` })),
    );
    expect((await readTable(file, { limit: 12 })).rows).toHaveLength(12);
  });

  test("that is cut off is refused", async () => {
    const path = join(await temporaryFolder(), "x.parquet");
    await writeFile(path, "PAR1 and no more");
    await expectRefusal(readTable(path), "x.parquet could not be read as Parquet");
  });
});
