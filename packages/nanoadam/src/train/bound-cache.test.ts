import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProductSizes } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type MeasuredMachine, rememberedBounds } from "./bound-cache.js";

const machine: MeasuredMachine = { processor: "Analytical Engine", threads: 2, version: "1.2.3" };
const square: ProductSizes = { tokens: 64, rows: 8, columns: 8 };
const wide: ProductSizes = { tokens: 64, rows: 8, columns: 32 };

/** A cache in a folder, with measurements that give 0.1, 0.11, 0.12 ... and are counted. */
function cacheIn(folder: string) {
  const measured: ProductSizes[] = [];
  const measure = async (sizes: readonly ProductSizes[]) => sizes.map((each) => (9 + measured.push(each)) / 100);
  return {
    measured,
    bounds: (sizes: readonly ProductSizes[], on = machine) =>
      rememberedBounds(sizes, { machine: on, folder: () => folder, measure }),
  };
}

describe("measured bounds", () => {
  test("are measured once for each size, and are there for later runs", async () => {
    const folder = join(await temporaryFolder(), "not", "there", "yet");
    const { bounds, measured } = cacheIn(folder);
    expect(await bounds([square])).toEqual([0.1]);
    expect(await bounds([wide, square])).toEqual([0.11, 0.1]);
    expect(await bounds([wide, square])).toEqual([0.11, 0.1]);
    expect(measured).toEqual([square, wide]);
    expect(await cacheIn(folder).bounds([square, wide])).toEqual([0.1, 0.11]);
    expect(await readdir(folder)).toEqual(["sampled-bounds.json"]);
  });

  test.each<[string, Partial<MeasuredMachine>]>([
    ["another processor", { processor: "Difference Engine" }],
    ["other threads", { threads: 4 }],
    ["another version", { version: "1.2.4" }],
  ])("are measured anew for %s, and both are kept", async (_, other) => {
    const { bounds, measured } = cacheIn(await temporaryFolder());
    await bounds([square]);
    expect(await bounds([square], { ...machine, ...other })).toEqual([0.11]);
    expect(await bounds([square])).toEqual([0.1]);
    expect(measured).toHaveLength(2);
  });

  test("are measured anew for other tokens", async () => {
    const { bounds } = cacheIn(await temporaryFolder());
    expect(await bounds([square])).toEqual([0.1]);
    expect(await bounds([{ ...square, tokens: 128 }])).toEqual([0.11]);
  });

  test.each(["{", "[]", '"text"', ""])("replace a file that holds %j", async (content) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "sampled-bounds.json"), content);
    expect(await cacheIn(folder).bounds([square])).toEqual([0.1]);
    const { bounds, measured } = cacheIn(folder);
    expect(await bounds([square])).toEqual([0.1]);
    expect(measured).toEqual([]);
  });

  test.each([-0.1, 1.5, "0.1", null])("replace a bound of %j", async (bound) => {
    const folder = await temporaryFolder();
    const path = join(folder, "sampled-bounds.json");
    await cacheIn(folder).bounds([square]);
    await writeFile(path, (await readFile(path, "utf8")).replace("0.1", JSON.stringify(bound)));
    const { bounds, measured } = cacheIn(folder);
    expect(await bounds([square])).toEqual([0.1]);
    expect(measured).toEqual([square]);
  });

  test("are those of another run that was done sooner", async () => {
    const folder = await temporaryFolder();
    const measure = async () => {
      await cacheIn(folder).bounds([square, wide]);
      return [0.3];
    };
    expect(await rememberedBounds([square], { machine, folder: () => folder, measure })).toEqual([0.1]);
    expect(await cacheIn(folder).bounds([wide])).toEqual([0.11]);
  });

  test("are measured every time where no file can be kept", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await mkdir(join(folder, "taken", "sampled-bounds.json"), { recursive: true });
    for (const unusable of [join(folder, "file", "cache"), join(folder, "taken")]) {
      const { bounds, measured } = cacheIn(unusable);
      expect(await bounds([square])).toEqual([0.1]);
      expect(await bounds([square])).toEqual([0.11]);
      expect(measured).toHaveLength(2);
    }
    const folderless = () => {
      throw new Error("no home");
    };
    expect(await rememberedBounds([square], { machine, folder: folderless, measure: async () => [0.2] })).toEqual([
      0.2,
    ]);
  });

  test("nothing is measured or written for no sizes", async () => {
    const folder = await temporaryFolder();
    const { bounds, measured } = cacheIn(folder);
    expect(await bounds([])).toEqual([]);
    expect(measured).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});
