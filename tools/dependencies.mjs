/**
 * What the packages depend on in production, by the lock file: `node tools/dependencies.mjs` refuses licences that are not
 * permissive, and known vulnerabilities where the registry answers. `tools/pack.mjs` puts a bill of materials (CycloneDX) in each
 * package.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const workspaces = ["packages/optim", "packages/engine", "packages/nanoadam"];
export const billFile = "sbom.cdx.json";

/** Licences that ask for no more than to be named, and dedications to the public. */
const permissive = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Unlicense",
]);

/** Whether an SPDX expression allows what permissive licences do: one side of OR, both of AND. */
export function isPermissive(expression) {
  if (typeof expression !== "string") return false;
  const plain = expression.replace(/[()]/g, " ").trim();
  return plain
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((licence) => permissive.has(licence.trim())));
}

/**
 * Whether a package may be installed with ours: its licence is permissive; or it is libvips, by which the optional sharp decodes
 * images. That is under LGPL-3.0-or-later, in a file of its own that anyone may replace; nothing of it is in our packages.
 */
export function mayBeInstalled(path, { license } = {}) {
  return isPermissive(license) || /^node_modules\/@img\/sharp-(libvips-|win32-|wasm32)/.test(path);
}

/**
 * The packages that a workspace needs, nearest first, each with what it needs itself, as paths in the lock file. Optional ones are
 * included.
 * @param packages the `packages` of package-lock.json
 */
export function productionPackages(packages, workspace) {
  const found = new Map();
  const queue = [workspace];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (found.has(path)) continue;
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    const needs = Object.keys({ ...dependencies, ...optionalDependencies }).map((name) =>
      resolved(packages, path, name),
    );
    found.set(path, needs);
    queue.push(...needs);
  }
  return found;
}

/** Where Node finds a package that another imports: in the nearest `node_modules`. */
function resolved(packages, from, name) {
  for (let folder = from; ; folder = folder.replace(/\/?[^/]*$/, "")) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return packages[path].link === true ? packages[path].resolved : path;
    if (folder === "") throw new Error(`package-lock.json has no ${name}, which ${from} needs; run npm install`);
  }
}

function nameOf(packages, path) {
  return packages[path].name ?? path.replace(/^.*node_modules\//, "");
}

function component(packages, path) {
  const { version, license, integrity = "" } = packages[path];
  const name = nameOf(packages, path);
  const [algorithm, digest = ""] = integrity.split("-");
  const hashes =
    algorithm === "sha512" ? [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] : [];
  const reference = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": reference,
    name,
    version,
    purl: reference,
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    ...(hashes.length === 0 ? {} : { hashes }),
  };
}

/** A workspace's bill of materials; the same lock file gives the same bill. */
export function billOfMaterials(packages, workspace) {
  const needed = productionPackages(packages, workspace);
  const own = {
    ...component(packages, workspace),
    name: JSON.parse(readFileSync(`${root}${workspace}/package.json`, "utf8")).name,
  };
  const byReference = new Map([...needed.keys()].map((path) => [path, component(packages, path)]));
  const dependencies = [...needed].map(([path, needs]) => ({
    ref: byReference.get(path)["bom-ref"],
    dependsOn: [...new Set(needs.map((need) => byReference.get(need)["bom-ref"]))],
  }));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: own },
    components: [...byReference].filter(([path]) => path !== workspace).map(([, each]) => each),
    dependencies,
  };
}

export function readLock() {
  return JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")).packages;
}

function check() {
  const packages = readLock();
  const paths = new Set(workspaces.flatMap((workspace) => [...productionPackages(packages, workspace).keys()]));
  const counts = new Map();
  for (const path of paths) counts.set(packages[path].license, (counts.get(packages[path].license) ?? 0) + 1);
  console.log(
    `licences of ${paths.size} packages: ${[...counts].map(([licence, count]) => `${licence} ${count}`).join(", ")}`,
  );
  const refused = [...paths].filter((path) => !mayBeInstalled(path, packages[path]));
  for (const path of refused)
    console.error(`${path}: the licence is ${packages[path].license}, expected a permissive one`);
  const isSafe = audit();
  process.exitCode = refused.length === 0 && isSafe ? 0 : 1;
}

/** Whether npm knows of no vulnerability; so too where the registry does not answer, which is said. */
function audit() {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--package-lock-only", "--json"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    timeout: 60_000,
  });
  const report = parsed(stdout);
  const found = report?.metadata?.vulnerabilities;
  if (found === undefined) {
    console.log(`npm audit: not answered (${report?.message ?? "the registry cannot be reached"})`);
    return true;
  }
  console.log(`npm audit: ${found.total} vulnerabilities`);
  for (const name of Object.keys(report.vulnerabilities)) console.error(`vulnerable: ${name}`);
  return found.total === 0;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  check();
}
