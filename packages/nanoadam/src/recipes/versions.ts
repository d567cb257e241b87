import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** What a run's numbers depend on beside this package, Node and the engine. */
const dependencies = ["@nanoadam/optim", "@nanoadam/engine", "@huggingface/tokenizers"];

/** This package's version, and those of what a run's numbers depend on. */
export function versions(): { readonly nanoadam: string } & Readonly<Record<string, string>> {
  const installed = dependencies.map((name) => [name, installedVersion(name) ?? "unknown"]);
  const own = new URL("../../package.json", import.meta.url);
  return { nanoadam: versionIn(own) ?? "unknown", node: process.versions.node, ...Object.fromEntries(installed) };
}

/** The version of a package, from the first folder in which Node looks for it that has it. */
function installedVersion(name: string): string | undefined {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const version = versionIn(join(folder, name, "package.json"));
    if (version !== undefined) return version;
  }
  return undefined;
}

function versionIn(packageFile: string | URL): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { readonly version: string };
    return version;
  } catch {
    return undefined;
  }
}
