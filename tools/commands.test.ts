/** The commands on the pages run as they are written, one after another, in a folder with the files that they name. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../packages/nanoadam/src/testing/run-cli.js";
import { writeTinyChatDecoder, writeTinyChats } from "../packages/nanoadam/src/testing/tiny-chats.js";
import { tinyRows } from "../packages/nanoadam/src/testing/tiny-data.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const before = process.cwd();
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nanoadam-commands-"));
  process.chdir(folder);
  for (const [place, name] of ["reviews.csv", "train.csv", "test.csv", "new.csv"].entries()) {
    const rows = tinyRows(40, place + 1).map(({ sentence, label }) => `${sentence},${label}\n`);
    await writeFile(name, `text,label\n${rows.join("")}`);
  }
  await writeTinyChatDecoder("SmolLM2-135M-Instruct", 512);
  for (const name of ["chats.jsonl", "more-chats.jsonl"]) await writeTinyChats(name);
});
afterEach(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true, force: true });
});

/** The commands of a page that stand in lines of their own. */
async function commandsOf(page: string): Promise<readonly (readonly string[])[]> {
  const lines = (await readFile(join(root, page), "utf8")).matchAll(/^ {4}(?:npx )?nanoadam ([a-z].*)$/gm);
  return [...lines].map(([, words = ""]) =>
    [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain = ""]) => quoted ?? plain),
  );
}

/** Those that want weights or data that nobody has in a test, or a person who types. */
const isForOthers = (words: readonly string[]) =>
  words[0] === "chat" || words.join(" ").includes("Llama") || /opt-1\.3b|boolq|gguf/.test(words.join(" "));

test.each([
  { pages: ["README.md"], least: 4 },
  { pages: ["docs/getting-started.md", "docs/web-app.md"], least: 5 },
  { pages: ["docs/decoders.md"], least: 4 },
])("$pages", { timeout: 120_000 }, async ({ pages, least }) => {
  const commands = (await Promise.all(pages.map(commandsOf))).flat().filter((words) => !isForOthers(words));
  expect(commands.length).toBeGreaterThanOrEqual(least);
  for (const words of commands) {
    const { exitCode, stderr } = await runCli(...words);
    // A run that nobody interrupted left nothing to go on from, and says that.
    if (words.includes("--resume")) expect(stderr).toContain("no checkpoints to go on from");
    else expect(exitCode, `${words.join(" ")}: ${stderr.slice(-500)}`).toBe(0);
  }
});
