/** What is in the tarballs of the packages. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly keywords: readonly string[];
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const names = ["optim", "engine", "nanoadam"] as const;
const run = promisify(execFile);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nanoadam-tarballs-"));
  const { stdout } = await run(process.execPath, [join(root, "tools/pack.mjs"), folder]);
  for (const [index, tarball] of stdout.trim().split("\n").entries()) {
    const target = join(folder, names[index] ?? "");
    await mkdir(target);
    await run("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(names)("the package %s", (name) => {
  const inPackage = (path: string) => join(folder, name, path);
  const files = async () =>
    (await readdir(join(folder, name), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => posix.join(entry.parentPath, entry.name).slice(join(folder, name).length + 1));
  const packageFile = async () => JSON.parse(await readFile(inPackage("package.json"), "utf8")) as PackageFile;

  test("has licence, readme and keywords, and of what was built only what runs and its types", async () => {
    expect(await readFile(inPackage("LICENSE"), "utf8")).toBe(await readFile(join(root, "LICENSE"), "utf8"));
    expect(await readFile(inPackage("README.md"), "utf8")).toContain("# ");
    expect((await packageFile()).keywords.length).toBeGreaterThan(5);
    const own =
      /^(LICENSE|README\.md|package\.json|sbom\.cdx\.json|(bin|assets|presets)\/.*|dist\/.*\.(js|js\.map|d\.ts))$/;
    const others = (await files()).filter((path) => !own.test(path) || /\.test\.|(^|\/)testing\//.test(path));
    expect(others).toEqual([]);
  });

  test("has its bill of materials", async () => {
    const { bomFormat, metadata, components } = JSON.parse(await readFile(inPackage("sbom.cdx.json"), "utf8"));
    expect([bomFormat, metadata.component.version]).toEqual(["CycloneDX", (await packageFile()).version]);
    const named = (components as { readonly name: string }[]).map((each) => each.name);
    const { dependencies = {}, optionalDependencies = {} } = await packageFile();
    expect(named).toEqual(expect.arrayContaining(Object.keys({ ...dependencies, ...optionalDependencies })));
  });

  test("has every file that its entries name", async () => {
    const { exports, bin = {} } = await packageFile();
    const entries = Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    expect([...entries, ...Object.values(bin)].filter((path) => !existsSync(inPackage(path)))).toEqual([]);
  });

  test("has source maps with the sources that they are of", async () => {
    const scripts = (await files()).filter((path) => path.startsWith("dist/") && path.endsWith(".js"));
    expect(scripts.length).toBeGreaterThan(10);
    for (const script of scripts) {
      const text = await readFile(inPackage(script), "utf8");
      expect(text).toContain(`//# sourceMappingURL=${posix.basename(script)}.map`);
      const { sourcesContent } = JSON.parse(await readFile(inPackage(`${script}.map`), "utf8"));
      const source = script.replace(/^dist/, "src").replace(/js$/, "ts");
      expect(sourcesContent).toEqual([await readFile(join(root, "packages", name, source), "utf8")]);
    }
  });

  test("takes its own and ONNX Runtime's packages in one version, others in ranges", async () => {
    const { version, dependencies = {}, optionalDependencies = {} } = await packageFile();
    for (const [dependency, range] of Object.entries({ ...dependencies, ...optionalDependencies })) {
      if (dependency.startsWith("@nanoadam/")) expect(range).toBe(version);
      else expect(range, dependency).toMatch(dependency.startsWith("onnxruntime-") ? /^\d/ : /^\^\d/);
    }
  });
});
