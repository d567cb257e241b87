import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { openTaskData } from "./open-data.js";
import { taskKind } from "./registry.js";

const classification = taskKind("classification");

test("rows of a program are read once, whoever asks for their columns", async () => {
  const rows = [{ review: "a", sentiment: "good" }].values();
  const source = await openTaskData(classification, rows, "train", {});
  expect(source).toMatchObject({ text: ["review"], label: ["sentiment"] });
  expect((await source.table()).rows).toHaveLength(1);
  expect(await source.notes()).toEqual([
    '`train`: "review" is taken as the text and "sentiment" is taken as the label',
  ]);
});

test("columns that are named are nobody's choice", async () => {
  const named = { text: ["body"], label: ["topic"] };
  const source = await openTaskData(classification, [{ body: "a", topic: "b", text: "c" }], "train", named);
  expect(source).toMatchObject(named);
  expect(await source.notes()).toEqual([]);
});

test("labels of a chosen column are those of all rows, although only the first count", async () => {
  const file = join(await temporaryFolder(), "data.parquet");
  const columns = { text: ["a", "b", "c"], label: ["x", "y", "z"] };
  const columnData = Object.entries(columns).map(([name, data]) => ({ name, data, type: "STRING" as const }));
  await writeFile(file, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 1 })));
  const source = await openTaskData(classification, file, "train", { limit: 1 });
  expect((await source.table()).rows.map(({ fields }) => fields.label)).toEqual(["x", "y", "z"]);
});
