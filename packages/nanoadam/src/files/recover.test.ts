/** What is made of the states that a killed run can leave, each laid out by hand as `commit.ts` describes it. */
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { exchangeFolders } from "./exchange.js";
import { OutputFolder } from "./output-folder.js";
import { findOwned, ownedName } from "./owned.js";
import { finishCommit } from "./recover.js";

/** The name of a run whose process is no more: no system has a process of this number. */
const deadName = (label: string) => ownedName(label).replace(`-${process.pid}-`, "-99999999-");

/** Writes files that hold their own first word, by their paths within a folder; a name that ends in a slash is a folder. */
async function layOut(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

async function contentOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "a folder")));
  return Object.fromEntries(names.map((name, place) => [name, texts[place] ?? ""]));
}

const whole = '{"replaces":"folder"}';

test("killed while it trained or saved: the next run with this output removes the waste, and says so", async () => {
  const parent = await temporaryFolder();
  const [dead, live] = [deadName("out"), ownedName("out")];
  await layOut(parent, {
    "out/config.json": "old",
    [`${dead}/result/half`]: "",
    [`${dead}/result/.undo`]: "",
    [`${live}/result/half`]: "",
  });
  const told: string[] = [];
  const output = await OutputFolder.create(join(parent, "out"), {
    overwrite: true,
    tell: (notice) => told.push(notice),
  });
  await output.discard();
  expect((await readdir(parent)).sort()).toEqual([live, "out"].sort());
  expect(told).toEqual([`removed ${join(parent, dead)}, which a run that was killed had left`]);
});

test("killed between the two renames: whoever opens the folder gets the new result", async () => {
  const parent = await temporaryFolder();
  const work = deadName("out");
  await layOut(parent, {
    [`${work}/journal.json`]: whole,
    [`${work}/previous/config.json`]: "old",
    [`${work}/result/config.json`]: "new",
  });
  const told: string[] = [];
  await finishCommit(join(parent, "out"), (notice) => told.push(notice));
  expect(await contentOf(join(parent, "out"))).toEqual({ "config.json": "new" });
  expect(told).toEqual([`finished putting the result in ${join(parent, "out")}, where a run was killed`]);
});

test("killed between the two renames, and a new run is begun: it finds a folder that is not empty", async () => {
  const parent = await temporaryFolder();
  const work = deadName("out");
  await layOut(parent, { [`${work}/journal.json`]: whole, [`${work}/previous/a`]: "old", [`${work}/result/a`]: "new" });
  await expect(OutputFolder.create(join(parent, "out"), { overwrite: false })).rejects.toThrow(/not empty/);
  expect(await contentOf(join(parent, "out"))).toEqual({ a: "new" });
  expect(await readdir(parent)).toEqual(["out"]);
});

test.each([whole, "no journal"])(
  "killed with weights that are not in place (%s): they are set aside",
  async (journal) => {
    const parent = await temporaryFolder();
    const [work, weights] = [deadName("out"), "model.safetensors"];
    await layOut(parent, { "out/a": "old", [`${work}/journal.json`]: journal, [`${work}/result/${weights}`]: "new" });
    const output = await OutputFolder.create(join(parent, "out"), { overwrite: true });
    await output.discard();
    const kept = (await readdir(parent)).find((name) => name.startsWith("out.kept-")) ?? "";
    expect(await contentOf(join(parent, kept))).toEqual({ [weights]: "new" });
    expect(await contentOf(join(parent, "out"))).toEqual({ a: "old" });
  },
);

test("killed anywhere while files were replaced one by one: opening the folder finishes", async () => {
  const [config, weights, both] = ["config.json", "model.safetensors", '["model.safetensors","config.json"]'];
  const journal = `{"replaces":"content","old":["old.txt","config.json"],"new":${both}}`;
  /** Where each file is: in the target, in `previous`, in `result`. */
  const states = [
    { target: ["old.txt"], previous: [config], result: [config, weights] },
    { target: [], previous: [config, "old.txt"], result: [config, weights] },
    { target: [weights], previous: [config, "old.txt"], result: [config] },
    { target: [weights, config], previous: [config, "old.txt"], result: [] },
  ];
  for (const { target, previous, result } of states) {
    const folder = await temporaryFolder();
    const work = deadName("");
    await mkdir(join(folder, work, "result"), { recursive: true });
    await layOut(folder, { [`${work}/journal.json`]: journal });
    const isDone = result.length === 0;
    for (const name of target) await layOut(folder, { [name]: isDone || name === weights ? "new" : "old" });
    for (const name of previous) await layOut(folder, { [`${work}/previous/${name}`]: "old" });
    for (const name of result) await layOut(folder, { [`${work}/result/${name}`]: "new" });
    await finishCommit(folder);
    expect(await contentOf(folder)).toEqual({ [work]: "a folder", [config]: "new", [weights]: "new" });
    await (await OutputFolder.create(folder, { overwrite: true })).discard();
    expect(await contentOf(folder)).toEqual({ [config]: "new", [weights]: "new" });
  }
});

test("a process of another machine is at work as long as it touches what it owns", async () => {
  const parent = await temporaryFolder();
  const elsewhere = ownedName("out").replace(/nanoadam-[0-9a-f]{8}/, "nanoadam-00000000");
  await mkdir(join(parent, elsewhere));
  expect(await findOwned(parent, "out")).toEqual([{ path: join(parent, elsewhere), isLive: true }]);
  await utimes(join(parent, elsewhere), 1, 1);
  expect(await findOwned(parent, "out")).toEqual([{ path: join(parent, elsewhere), isLive: false }]);
});

test("folders are exchanged in one step, or nothing has happened", async () => {
  const parent = await temporaryFolder();
  await layOut(parent, { "one/a": "first", "other/a": "second" });
  const isDone = exchangeFolders(join(parent, "one"), join(parent, "other"));
  expect(await contentOf(join(parent, "one"))).toEqual({ a: isDone ? "second" : "first" });
  expect(exchangeFolders(join(parent, "one"), join(parent, "missing"))).toBe(false);
  expect((await readdir(parent)).sort()).toEqual(["one", "other"]);
});
