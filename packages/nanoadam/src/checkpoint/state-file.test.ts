import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StateArray } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { readStates, writeStates } from "./state-file.js";

const states = new Map<string, StateArray>([
  ["a/codes", Uint8Array.of(1, 2, 255)],
  ["a/first_moment", Float32Array.of(-0, 1e-45, Number.NaN)],
  ["a/low_bits", Int16Array.of(-32_768, 7)],
  ["a/starts", Uint32Array.of(0, 4_294_967_295)],
  ["a/none", new Float32Array()],
  ["b/offsets", Uint16Array.of(65_535)],
]);

test("states come back as they were, in their types", async () => {
  const file = join(await temporaryFolder(), "optimizer.safetensors");
  await writeStates(file, states);
  const found = await readStates(file);
  expect(new Set(found.keys())).toEqual(new Set(states.keys()));
  for (const [name, array] of states) expect(found.get(name)).toEqual(array);
});

test("a file that is cut off, or has something else in it, is refused", async () => {
  const file = join(await temporaryFolder(), "optimizer.safetensors");
  await writeStates(file, states);
  await truncate(file, 200);
  await expectRefusal(readStates(file), file);
  await writeFile(file, "no states");
  await expectRefusal(readStates(file), file);
  await expectRefusal(readStates(`${file}.none`), "no such file");
});
