import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { InputError } from "../errors.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { OutputFolder } from "./output-folder.js";
import { isOwnedName } from "./owned.js";

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
    expect((await readdir(join(parent, "runs"))).filter((name) => !isOwnedName(name))).toEqual([]);
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

  test("two runs at once with one output have nothing in common, and the last one wins", async () => {
    const { parent, target } = await filledFolder();
    const [one, other] = [await OutputFolder.create(target, replace), await OutputFolder.create(target, replace)];
    await writeFile(one.path("one"), "");
    await writeFile(other.path("other"), "");
    await one.commit();
    await other.commit();
    expect(await readdir(target)).toEqual(["other"]);
    expect(await readdir(parent)).toEqual(["out"]);
  });

  test("more than is free is refused, with both sizes", async () => {
    const output = await OutputFolder.create(join(await temporaryFolder(), "out"), keep);
    onTestFinished(() => output.discard());
    await output.requireSpace(1);
    await expectRefusal(output.requireSpace(1e18), /out needs 1\.00e\+12 MB, but \S+ MB are free there/);
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

  test("a folder that a link of an input leads to, as the blobs of the Hugging Face cache", async () => {
    const parent = await temporaryFolder();
    const [blobs, model] = [join(parent, "blobs"), join(parent, "snapshots/main")];
    await mkdir(blobs);
    await mkdir(model, { recursive: true });
    await writeFile(join(blobs, "ab12"), "weights");
    await symlink("../../blobs/ab12", join(model, "model.safetensors"));
    const creation = OutputFolder.create(blobs, { ...replace, inputs: { model: [model] } });
    await expectRefusal(creation, `\`model\` (${model}) is in it`);
    expect(await readdir(blobs)).toEqual(["ab12"]);
  });

  test("when the renaming fails the old folder is put back", async () => {
    const { target } = await filledFolder();
    const output = await OutputFolder.create(target, replace);
    await rm(output.path("."), { recursive: true });
    await expect(output.commit()).rejects.toThrow(/out could not be written: no such file or folder/);
    expect(await readFile(join(target, "old"), "utf8")).toBe("old");
  });

  test("a folder that something else filled meanwhile keeps its files, and the result is kept too", async () => {
    const parent = await temporaryFolder();
    const target = join(parent, "out");
    const output = await OutputFolder.create(target, keep);
    await writeFile(output.path("result"), "");
    await mkdir(target);
    await writeFile(join(target, "theirs"), "");
    await expect(output.commit()).rejects.toThrow(
      /filled by something else meanwhile; the result is kept in .*out\.kept-/,
    );
    await output.discard();
    expect(await readdir(target)).toEqual(["theirs"]);
    const kept = (await readdir(parent)).find((name) => name.startsWith("out.kept-")) ?? "";
    expect(await readdir(join(parent, kept))).toEqual(["result"]);
  });
});
