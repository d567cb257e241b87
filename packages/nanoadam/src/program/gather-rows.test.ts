import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { gatherRows } from "./gather-rows.js";

describe("gathering", () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const tables = [
    ["float32", Float32Array.from(numbers)],
    ["bfloat16", Uint16Array.from([0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0])],
  ] as const;

  const names = { table: "embeddings.weight", indices: "input_ids" };

  test.each(tables)("gives rows of a table in %s, repeated ones too", (_, table) => {
    const rows = Int32Array.of(2, 0, 2);
    const target = new Float32Array(6);
    const gather = gatherRows(table, rows, target, names);
    gather();
    expect([...target]).toEqual([5, 6, 1, 2, 5, 6]);
    rows.set([1, 1, 0]);
    gather();
    expect([...target]).toEqual([3, 4, 3, 4, 1, 2]);
  });

  test.each([-1, 3])("refuses the row %d that no table of three has", async (row) => {
    const gather = gatherRows(Float32Array.from(numbers), Int32Array.of(0, row), new Float32Array(4), names);
    await expectRefusal(gather, `${row} among their input_ids, but embeddings.weight has the rows 0 to 2 only`);
  });
});
