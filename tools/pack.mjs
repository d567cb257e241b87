/**
 * Builds the packages from their sources alone, in a folder of its own, and packs each as it would be published:
 * `node tools/pack.mjs FOLDER`. Nothing that lies in a `dist` from before gets into them.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = ["optim", "engine", "nanoadam"];

/** What npm sets for the scripts that it runs, but for where packages come from: this is no script of another package. */
const ofRunningScript = /^npm_(?!config_(registry|cache|userconfig|globalconfig|cafile|noproxy|(https?_)?proxy)$)/;

/** Runs npm in a folder as its user would there. */
export async function npm(folder, ...arguments_) {
  const environment = Object.entries(process.env).filter(([name]) => !ofRunningScript.test(name));
  const { stdout } = await promisify(execFile)("npm", arguments_, {
    cwd: folder,
    env: Object.fromEntries(environment),
    shell: process.platform === "win32",
    maxBuffer: 1 << 26,
  });
  return stdout;
}

/** Writes the packages' tarballs to a folder; the result has their paths, those of packages that others depend on first. */
export async function packPackages(folder) {
  const workspace = await mkdtemp(join(tmpdir(), "nanoadam-pack-"));
  try {
    for (const path of ["tsconfig.base.json", "types", ...packages.map((name) => `packages/${name}`)]) {
      await cp(join(root, path), join(workspace, path), { recursive: true, filter: isSource });
    }
    await linkModules(workspace);
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    await promisify(execFile)(process.execPath, [compiler, "-b", "packages/nanoadam"], { cwd: workspace });
    await mkdir(folder, { recursive: true });
    const paths = packages.map((name) => `./packages/${name}`);
    const report = await npm(workspace, "pack", "--json", "--pack-destination", resolve(folder), ...paths);
    return JSON.parse(report).map(({ filename }) => join(folder, filename));
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = "."] = process.argv.slice(2);
  for (const path of await packPackages(folder)) console.log(path);
}
