import { readFileSync } from "node:fs";

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function packageFile(): PackageFile {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PackageFile;
}

/** This package's version, and those of what a run's numbers depend on. */
export function versions(): { readonly nanoadam: string } & Readonly<Record<string, string>> {
  const { version, dependencies } = packageFile();
  return { nanoadam: version, node: process.versions.node, ...dependencies };
}
