/**
 * A folder is replaced in a process that ends, or whose disk fails, at each of its calls in turn; afterwards the old or the new
 * folder is in its place, and nothing that was made is lost.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Circumstances, type Fault, isBuilt, replaceFolderScript, runWithFault } from "../testing/crash/child.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { OutputFolder } from "./output-folder.js";
import { finishCommit } from "./recover.js";

const names = ["config.json", "model.safetensors", "tokenizer.json"];
const whole = (content: string) => names.map((name) => [name, content]);
const oldContent = [...whole("old"), ["old.txt", "old"]].sort();

async function filledFolder(): Promise<{ parent: string; target: string }> {
  const parent = await temporaryFolder();
  const target = join(parent, "out");
  await mkdir(target);
  for (const name of [...names, "old.txt"]) await writeFile(join(target, name), "old");
  return { parent, target };
}

async function contentOf(folder: string): Promise<string[][]> {
  const found = (await readdir(folder).catch(() => [])).filter(
    (name) => !name.startsWith(".") && !name.includes(".kept-"),
  );
  return Promise.all(found.sort().map(async (name) => [name, await readFile(join(folder, name), "utf8")]));
}

/** `npm run crash` tries each call; otherwise some are left out, for time. */
const every = Number(process.env.CRASH_EVERY ?? 4);

/** The number of calls that a replacement makes. */
async function countCalls(circumstances: Circumstances): Promise<number> {
  const { parent, target } = await filledFolder();
  const count = join(parent, "count");
  const { stdout } = await runWithFault(replaceFolderScript(target), undefined, circumstances, { countIn: count });
  expect(stdout).toBe("staged\ndone\n");
  expect(await contentOf(target)).toEqual(whole("new"));
  return Number(await readFile(count, "utf8"));
}

const ways = [
  ["by an exchange, where the machine can", {}],
  ["by two renames", { noExchange: true }],
  ["file by file", { inside: true }],
] as const satisfies [string, Circumstances][];

async function expectNothingLost(fault: Fault, circumstances: Circumstances): Promise<void> {
  const { parent, target } = await filledFolder();
  const { stdout } = await runWithFault(replaceFolderScript(target), fault, circumstances);
  await finishCommit(target);
  const found = await contentOf(target);
  expect([oldContent, whole("new")], JSON.stringify({ fault, stdout })).toContainEqual(found);
  const wasStaged = stdout.startsWith("staged");
  if (wasStaged && fault.kind !== "kill" && !stdout.endsWith("done\n")) {
    const everything = await readdir(parent, { recursive: true });
    const weights = await Promise.all(
      everything
        .filter((path) => path.endsWith("model.safetensors"))
        .map((path) => readFile(join(parent, path), "utf8")),
    );
    expect(weights, stdout).toContain("new");
    expect(stdout).toMatch(/The result is whole in|could not be written/);
  }
  await (await OutputFolder.create(target, { overwrite: true })).discard();
  const left = (await readdir(parent, { recursive: true })).filter((name) => /\.nanoadam-/.test(name));
  expect(left, JSON.stringify(fault)).toEqual([]);
  expect([oldContent, whole("new")]).toContainEqual(await contentOf(target));
}

describe.skipIf(!isBuilt).each(ways)("a folder is replaced %s (needs npm run build)", (_, circumstances) => {
  test.each(["kill", "EIO"])("%s at each call", async (kind) => {
    const calls = await countCalls(circumstances);
    expect(calls).toBeGreaterThan(10);
    for (let at = 1; at <= calls; at += every) await expectNothingLost({ at, kind }, circumstances);
  });

  test("a disk that fails from some call on", async () => {
    const calls = await countCalls(circumstances);
    for (let at = calls - 12; at <= calls; at += Math.max(2, every)) {
      await expectNothingLost({ at, kind: "ENOSPC", stays: true }, circumstances);
    }
  });
});
