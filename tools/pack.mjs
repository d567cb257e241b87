/**
 * Builds the packages from their sources alone, in a folder of its own, and packs each as it would be published:
 * `node tools/pack.mjs FOLDER`, with its bill of materials. Nothing that lies in a `dist` from before gets into them.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { billFile, billOfMaterials, readLock } from "./dependencies.mjs";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const packages = ["optim", "engine", "nanoadam"];

/** Writes the packages' tarballs to a folder; the result has their paths, those of packages that others depend on first. */
async function packPackages(folder) {
  const workspace = await mkdtemp(join(tmpdir(), "nanoadam-pack-"));
  try {
    for (const path of ["tsconfig.base.json", "types", ...packages.map((name) => `packages/${name}`)]) {
      await cp(join(root, path), join(workspace, path), { recursive: true, filter: isSource });
    }
    await linkModules(workspace);
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "-b", "packages/nanoadam"], { cwd: workspace });
    for (const name of packages) {
      const bill = billOfMaterials(readLock(), `packages/${name}`);
      await writeFile(join(workspace, "packages", name, billFile), `${JSON.stringify(bill, null, 2)}\n`);
    }
    await mkdir(folder, { recursive: true });
    const paths = packages.map((name) => `./packages/${name}`);
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", resolve(folder), ...paths], {
      cwd: workspace,
      shell: process.platform === "win32",
      maxBuffer: 1 << 26,
    });
    return JSON.parse(stdout).map(({ filename }) => join(folder, filename));
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

function isSource(path) {
  return basename(path) !== "dist" && basename(path) !== "node_modules";
}

/** The workspace's modules: what is installed here, and its own packages in place of ours. */
async function linkModules(workspace) {
  const installed = join(root, "node_modules");
  await mkdir(join(workspace, "node_modules/@nanoadam"), { recursive: true });
  for (const name of await readdir(installed)) {
    if (name === "@nanoadam" || name === "nanoadam" || name.startsWith(".")) continue;
    await symlink(join(installed, name), join(workspace, "node_modules", name), "junction");
  }
  for (const name of ["optim", "engine"]) {
    await symlink(join(workspace, "packages", name), join(workspace, "node_modules/@nanoadam", name), "junction");
  }
}

const [folder = "."] = process.argv.slice(2);
for (const path of await packPackages(folder)) console.log(path);
