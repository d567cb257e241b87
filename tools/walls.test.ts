/** Which room of the house may import which: docs/architecture.md says so in tables, and the import lines are held to it. */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const sections = readFileSync(new URL("docs/architecture.md", root), "utf8").split(/^#+ /m);
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
const placesOfNode = quoted(sections.find((section) => section.startsWith("Where Node is")) ?? "");

/** What a room may import, by the room: `nanoadam/cli`, or `nanoadam/errors.ts` for a file that is in no folder. */
const allowed = new Map<string, ReadonlySet<string>>();
/** The number of a room's line, over all tables. */
const lineOf = new Map<string, number>();
let lines = 0;
for (const section of sections) {
  const [, name] = /^`packages\/(\w+)\/src`/.exec(section) ?? [];
  const home = (room: string) => (room.startsWith("@") ? room : `${name}/${room}`);
  for (const [, rooms = "", others = ""] of name === undefined ? [] : section.matchAll(/^\| (`.+?) \|(.*?)\|/gm)) {
    lines++;
    for (const room of quoted(rooms)) {
      allowed.set(home(room), new Set(quoted(`${rooms} ${others}`).map(home)));
      lineOf.set(home(room), lines);
    }
  }
}

/** The room of a file or, for `@nanoadam/engine/node`, the package. */
const roomOf = (path: string) => path.split("/").slice(0, 2).join("/");

/** What a file names in its imports and exports from elsewhere, in the one form that Biome gives them. */
function importedBy(text: string): string[] {
  const lines = /^(?:import|export)\b[^;"]*\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(lines)].map(([, from, alone, later]) => from ?? alone ?? later ?? "");
}

/** Every file of the packages that is no test's, such as `nanoadam/cli/main.ts`, with what it imports. */
const imports = new Map<string, readonly string[]>();
for (const name of readdirSync(new URL("packages/", root))) {
  const source = new URL(`packages/${name}/src/`, root);
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts") || path.endsWith(".test.ts") || path.startsWith("testing/")) continue;
    const file = `${name}/${path}`;
    const resolve = (to: string) => posix.join(posix.dirname(file), to).replace(/\.js$/, ".ts");
    const named = importedBy(readFileSync(new URL(path, source), "utf8"));
    imports.set(
      file,
      named.map((to) => (to.startsWith(".") ? resolve(to) : to)),
    );
  }
}

/** The files that one imports, those that they import, and so on. */
function reachedFrom(file: string, found = new Set<string>()): ReadonlySet<string> {
  for (const next of imports.get(file) ?? [])
    if (imports.has(next) && !found.has(next)) reachedFrom(next, found.add(next));
  return found;
}

test("rooms import what the tables allow, Node is where it may be, and no files import each other in a circle", () => {
  expect(imports.size).toBeGreaterThan(150);
  const faults = [...imports].flatMap(([file, paths]) => {
    const room = roomOf(file);
    if (!allowed.has(room)) return [`${file} is in no room of the tables`];
    // What a package hands out comes from all over it.
    const isFront = posix.basename(file) === "index.ts";
    const walled = paths.filter((path) => !isFront && (imports.has(path) || path.startsWith("@nanoadam/")));
    const others = walled.map(roomOf).filter((other) => other !== room && allowed.get(room)?.has(other) !== true);
    const usesNode = paths.some((path) => path.startsWith("node:") || path === "@nanoadam/engine/node");
    return [
      ...others.map((other) => `${file} imports ${other}`),
      ...(usesNode && !placesOfNode.some((place) => file.startsWith(place)) ? [`${file} imports Node`] : []),
      ...(reachedFrom(file).has(file) ? [`${file} imports itself in a circle`] : []),
    ];
  });
  expect([...new Set(faults)].sort()).toEqual([]);
});

test("what a room may import stands below it in its table, or is another package", () => {
  const faults = [...allowed].flatMap(([room, others]) =>
    [...others]
      .filter((other) => !other.startsWith("@") && (lineOf.get(other) ?? 0) < (lineOf.get(room) ?? 0))
      .map((other) => `${room} may import ${other}`),
  );
  expect(faults).toEqual([]);
});
