import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { dataSource } from "../source.js";
import { readImages } from "./read-images.js";

const png = (value: number) =>
  sharp({ create: { width: 2, height: 1, channels: 3, background: { r: value, g: 0, b: 0 } } })
    .png()
    .toBuffer();

test("a folder for each class, which take turns; hidden and other files are left out", async () => {
  const folder = await temporaryFolder();
  for (const name of ["cat", "dog/puppies", ".cache"]) await mkdir(join(folder, name), { recursive: true });
  for (const [path, value] of [
    ["cat/b.PNG", 1],
    ["cat/a.png", 2],
    ["dog/puppies/c.png", 3],
    [".cache/d.png", 4],
  ] as const) {
    await writeFile(join(folder, path), await png(value));
  }
  await writeFile(join(folder, "cat/notes.txt"), "");
  const entries = await readImages(dataSource(folder, {}));
  expect(entries.map(({ label, text }) => [label, text.slice(folder.length + 1)])).toEqual([
    ["cat", "cat/a.png"],
    ["dog", "dog/puppies/c.png"],
    ["cat", "cat/b.PNG"],
  ]);
  expect([...((await entries[1]?.read())?.pixels ?? [])]).toEqual([3, 0, 0, 3, 0, 0]);
});

test("CIFAR's files, of one label or two", async () => {
  const folder = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 2), fc.integer({ min: 1, max: 3 }), async (labelBytes, images) => {
      const record = labelBytes + 3072;
      const bytes = Uint8Array.from({ length: images * record }, (_, i) => (i * 31) % 256);
      const file = join(folder, `${labelBytes}-${images}.bin`);
      await writeFile(file, bytes);
      const entries = await readImages(dataSource(file, {}));
      expect(entries.map(({ label }) => label)).toEqual(
        Array.from({ length: images }, (_, index) => String(bytes[index * record + labelBytes - 1])),
      );
      const last = await entries.at(-1)?.read();
      const start = (images - 1) * record + labelBytes;
      expect(last).toMatchObject({ width: 32, height: 32 });
      expect([...(last?.pixels.subarray(3, 6) ?? [])]).toEqual([0, 1024, 2048].map((at) => bytes[start + at + 1]));
    }),
    { numRuns: 10 },
  );
  await writeFile(join(folder, "cut.bin"), new Uint8Array(3000));
  await expect(readImages(dataSource(join(folder, "cut.bin"), {}))).rejects.toThrow(
    "has 3000 bytes, expected a multiple of 3073 (CIFAR-10) or 3074 (CIFAR-100)",
  );
});

test("images within a Parquet file", async () => {
  const file = join(await temporaryFolder(), "data.parquet");
  const images = await Promise.all([5, 6, 7].map(png));
  const columnData = [
    { name: "image", data: images.map((bytes) => new Uint8Array(bytes)), type: "BYTE_ARRAY" as const },
    { name: "label", data: ["a", "b", "a"] },
  ];
  await writeFile(file, new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 })));
  const entries = await readImages(dataSource(file, { limit: 3 }));
  expect(entries.map(({ label }) => label)).toEqual(["a", "b", "a"]);
  expect((await entries[2]?.read())?.pixels[0]).toBe(7);
});

test("a table of paths, absolute or counted from its folder", async () => {
  const [folder, other] = [await temporaryFolder(), await temporaryFolder()];
  await writeFile(join(folder, "a.png"), await png(1));
  await writeFile(join(other, "b.png"), await png(2));
  const table = join(folder, "table.csv");
  await writeFile(table, `path,label\na.png,x\n${join(other, "b.png")},y\n`);
  const entries = await readImages(dataSource(table, {}));
  expect(await Promise.all(entries.map(async ({ read }) => (await read()).pixels[0]))).toEqual([1, 2]);
});
