import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { ScratchFile } from "./scratch-file.js";

test("bytes are where they were written, and the file is there only between the first of them and its end", async () => {
  const path = join(await temporaryFolder(), "scratch");
  const file = new ScratchFile(path);
  expect(existsSync(path)).toBe(false);
  file.write(5, Uint8Array.of(1, 2, 3));
  file.write(6, Uint8Array.of(9));
  const found = new Uint8Array(3);
  file.read(5, found);
  expect([...found]).toEqual([1, 9, 3]);
  expect(() => file.read(6, new Uint8Array(3))).toThrow("scratch ends before 9");
  file.close();
  file.close();
  expect(existsSync(path)).toBe(false);
});
