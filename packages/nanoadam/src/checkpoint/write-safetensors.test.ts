import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { InputError } from "../errors.js";
import { writeFileAtomically } from "../files/write-file.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { parseSafetensorsHeader } from "./safetensors.js";
import { type WritableTensor, writeSafetensors } from "./write-safetensors.js";

const tensors: WritableTensor[] = [
  { name: "z", shape: [2], dtype: "BF16", values: Float32Array.of(1, -2) },
  { name: "b", shape: [1, 2], dtype: "F32", values: Float32Array.of(0.1, 0.2) },
  { name: "h", shape: [1], dtype: "F16", values: Float32Array.of(1) },
  { name: "a", shape: [], dtype: "F32", values: () => Promise.resolve(Float32Array.of(3)) },
];

test("tensors are laid out by dtype, then by name, and the bytes do not depend on the order given", async () => {
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, "one"), tensors);
  await writeSafetensors(join(folder, "two"), [...tensors].reverse());
  const bytes = await readFile(join(folder, "one"));
  expect(bytes.equals(await readFile(join(folder, "two")))).toBe(true);

  const { metadata, tensors: entries } = parseSafetensorsHeader(bytes, bytes.length, "one");
  expect(metadata).toEqual({ format: "pt" });
  expect([...entries.keys()]).toEqual(["a", "b", "z", "h"]);
  expect(entries.get("a")?.start).toSatisfy((start: number) => start % 8 === 0);
  const data = bytes.subarray(entries.get("a")?.start);
  expect([data.readFloatLE(0), data.readFloatLE(4), data.readFloatLE(8)].map(Math.fround)).toEqual(
    [3, 0.1, 0.2].map(Math.fround),
  );
  expect([data.readUInt16LE(12), data.readUInt16LE(14), data.readUInt16LE(16)]).toEqual([0x3f80, 0xc000, 0x3c00]);
});

test("a failed write keeps the old file and leaves nothing beside it", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "model.safetensors");
  await writeFile(path, "old");
  const wrong: WritableTensor = { name: "w", shape: [3], dtype: "F32", values: Float32Array.of(1) };
  await expect(writeSafetensors(path, [...tensors, wrong])).rejects.toThrow(
    /tensor "w" has 1 values, but its shape \[3\] needs 3/,
  );
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["model.safetensors"]);
});

test("two tensors of one name are refused", async () => {
  const folder = await temporaryFolder();
  const twice = [tensors[1], tensors[1]].filter((tensor) => tensor !== undefined);
  await expect(writeSafetensors(join(folder, "m"), twice)).rejects.toThrow(InputError);
});

test("a text replaces what was there; a path that cannot be written is named with the reason", async () => {
  const folder = await temporaryFolder();
  await writeFileAtomically(join(folder, "config.json"), "one");
  await writeFileAtomically(join(folder, "config.json"), "two");
  expect(await readFile(join(folder, "config.json"), "utf8")).toBe("two");
  expect(await readdir(folder)).toEqual(["config.json"]);
  const writing = writeFileAtomically(join(folder, "absent", "file"), "text");
  await expect(writing).rejects.toThrow(/absent\/file could not be written: no such file or folder/);
});
