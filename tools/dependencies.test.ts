/** What the packages depend on in production: licences, and the bills of materials that are packed. */
import { expect, test } from "vitest";
import {
  billOfMaterials,
  isPermissive,
  mayBeInstalled,
  productionPackages,
  readLock,
  workspaces,
} from "./dependencies.mjs";

test.each([
  ["MIT", true],
  ["Apache-2.0 AND BSD-3-Clause", true],
  ["(MIT OR GPL-3.0-only)", true],
  ["GPL-3.0-only", false],
  ["MIT AND GPL-3.0-only", false],
  [undefined, false],
])("the licence %s is permissive: %s", (licence, expected) => {
  expect(isPermissive(licence)).toBe(expected);
});

test("all that is installed with the packages is permissive, or libvips", () => {
  const packages = readLock();
  const paths = workspaces.flatMap((workspace) => [...productionPackages(packages, workspace).keys()]);
  expect(paths).toContain("node_modules/onnxruntime-node");
  expect(paths.filter((path) => !mayBeInstalled(path, packages[path]))).toEqual([]);
  expect(mayBeInstalled("node_modules/@img/sharp-libvips-linux-x64", { license: "LGPL-3.0-or-later" })).toBe(true);
  expect(mayBeInstalled("node_modules/other", { license: "LGPL-3.0-or-later" })).toBe(false);
});

test("a package is looked for where Node does: in the nearest folder of modules first", () => {
  const packages = {
    "packages/a": { dependencies: { b: "1", c: "1" } },
    "packages/a/node_modules/b": { version: "2.0.0", dependencies: { c: "1" } },
    "node_modules/b": { version: "1.0.0" },
    "node_modules/c": { version: "1.0.0", optionalDependencies: { d: "1" } },
    "node_modules/d": { link: true, resolved: "packages/d" },
    "packages/d": {},
  };
  expect([...productionPackages(packages, "packages/a").keys()]).toEqual([
    "packages/a",
    "packages/a/node_modules/b",
    "node_modules/c",
    "packages/d",
  ]);
});

test("a bill of materials names every package with version, licence and hash, and what needs what", () => {
  const bill = billOfMaterials(readLock(), "packages/nanoadam");
  expect(bill.metadata.component).toMatchObject({ name: "nanoadam", version: "0.1.0" });
  const references = new Set(bill.components.map((each) => each["bom-ref"]));
  for (const { name, licenses, hashes } of bill.components) {
    expect(licenses, name).toHaveLength(1);
    if (!name.startsWith("@nanoadam/")) expect(hashes?.[0]?.content, name).toMatch(/^[0-9a-f]{128}$/);
  }
  for (const { dependsOn } of bill.dependencies) for (const each of dependsOn) expect(references).toContain(each);
});
