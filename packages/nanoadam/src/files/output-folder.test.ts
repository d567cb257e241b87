import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { OutputFolder } from "./output-folder.js";

const keep = { overwrite: false };
const replace = { overwrite: true };

/** A folder "out" with the file "old" in it, and its path. */
async function filledFolder(): Promise<{ parent: string; target: string }> {
  const parent = await temporaryFolder();
  const target = join(parent, "out");
  await mkdir(target);
  await writeFile(join(target, "old"), "old");
  return { parent, target };
}

describe("writing", () => {
  test("nothing is at the target until commit, and only the result afterwards", async () => {
    const parent = await temporaryFolder();
    const output = await OutputFolder.create(join(parent, "runs", "first"), keep);
    await writeFile(output.path("config.json"), "{}");
    expect(await readdir(join(parent, "runs"))).toEqual([`.first.partial-${process.pid}`]);
    await output.commit();
    expect(await readdir(join(parent, "runs"))).toEqual(["first"]);
    expect(await readdir(join(parent, "runs", "first"))).toEqual(["config.json"]);
  });

  test("discard leaves everything as it was, parents included, and does nothing after commit", async () => {
    const parent = await temporaryFolder();
    const output = await OutputFolder.create(join(parent, "a", "b", "c"), keep);
    await writeFile(output.path("half"), "");
    await output.discard();
    expect(await readdir(parent)).toEqual([]);

    const second = await OutputFolder.create(join(parent, "out"), keep);
    await second.commit();
    await second.discard();
    expect(await readdir(parent)).toEqual(["out"]);
  });

  test("an empty folder is used without asking", async () => {
    const target = join(await temporaryFolder(), "out");
    await mkdir(target);
    const output = await OutputFolder.create(target, keep);
    await writeFile(output.path("file"), "");
    await output.commit();
    expect(await readdir(target)).toEqual(["file"]);
  });

  test("with overwrite the old folder stays until commit and is then replaced whole", async () => {
    const { parent, target } = await filledFolder();
    const output = await OutputFolder.create(target, replace);
    await writeFile(output.path("new"), "new");
    expect(await readdir(target)).toEqual(["old"]);
    await output.commit();
    expect(await readdir(target)).toEqual(["new"]);
    expect(await readdir(parent)).toEqual(["out"]);
  });

  test("a link to a folder stays a link", async () => {
    const { parent, target } = await filledFolder();
    await symlink(target, join(parent, "link"));
    const output = await OutputFolder.create(join(parent, "link"), replace);
    await output.commit();
    expect((await readdir(parent)).sort()).toEqual(["link", "out"]);
    expect(await readdir(target)).toEqual([]);
  });
});

describe("refused or undone", () => {
  test("a folder with something in it, unless overwrite is asked for", async () => {
    const { parent, target } = await filledFolder();
    await expect(OutputFolder.create(target, keep)).rejects.toThrow(/out is not empty; pass `overwrite` to replace it/);
    expect(await readdir(parent)).toEqual(["out"]);
  });

  test("a path that is a file, or below a file", async () => {
    const parent = await temporaryFolder();
    await writeFile(join(parent, "file"), "");
    await expect(OutputFolder.create(join(parent, "file"), replace)).rejects.toThrow(
      /file is a file, expected a folder/,
    );
    const below = OutputFolder.create(join(parent, "file", "out"), replace);
    await expect(below).rejects.toThrow(InputError);
    await expect(below).rejects.toThrow(/cannot be written: a part of the path is a file/);
  });

  test("a path that the system does not let us write", async () => {
    const creation = OutputFolder.create("/proc/nanoadam-output", keep);
    await expect(creation).rejects.toThrow(InputError);
    await expect(creation).rejects.toThrow(/The output folder \/proc\/nanoadam-output cannot be written: /);
    await expect(OutputFolder.create("/", replace)).rejects.toThrow(/The output folder cannot be \//);
  });

  test("replacing the working directory, a folder around it, or a repository, even with overwrite", async () => {
    await expect(OutputFolder.create(".", replace)).rejects.toThrow(/not replaced, .*: the working directory is in it/);
    await expect(OutputFolder.create("..", replace)).rejects.toThrow(/the working directory is in it/);
    const { target } = await filledFolder();
    await mkdir(join(target, ".git"));
    await expect(OutputFolder.create(target, replace)).rejects.toThrow(/it is a git repository/);
  });

  test("a folder that an input lies in, or is, even with overwrite", async () => {
    const { parent, target } = await filledFolder();
    for (const inputs of [{ model: target }, { eval: undefined, train: join(target, "old") }]) {
      const [[name, path] = []] = Object.entries(inputs).filter(([, value]) => value !== undefined);
      await expect(OutputFolder.create(target, { ...replace, inputs })).rejects.toThrow(
        `The output folder ${target} is not replaced, even with \`overwrite\`: \`${name}\` (${path}) is in it.`,
      );
    }
    expect(await readdir(parent)).toEqual(["out"]);
    expect(await readdir(target)).toEqual(["old"]);
  });

  test("when the renaming fails the old folder is put back", async () => {
    const { parent, target } = await filledFolder();
    const output = await OutputFolder.create(target, replace);
    await rm(output.path("."), { recursive: true });
    await expect(output.commit()).rejects.toThrow(/out could not be written: no such file or folder/);
    expect(await readFile(join(target, "old"), "utf8")).toBe("old");
    expect(await readdir(parent)).toEqual(["out"]);
  });

  test("a folder that something else filled meanwhile keeps its files, and the result is kept too", async () => {
    const parent = await temporaryFolder();
    const target = join(parent, "out");
    const output = await OutputFolder.create(target, keep);
    await writeFile(output.path("result"), "");
    await mkdir(target);
    await writeFile(join(target, "theirs"), "");
    await expect(output.commit()).rejects.toThrow(
      /filled by something else meanwhile; the result is kept in .*partial/,
    );
    await output.discard();
    expect(await readdir(target)).toEqual(["theirs"]);
    expect(await readdir(output.path("."))).toEqual(["result"]);
  });
});
