import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** One reference file: tensors by name, and the JSON values of its `__metadata__`. */
export interface Fixture {
  readonly name: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, FixtureTensor>;
}

export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

const sharedFolder = fileURLToPath(new URL("../../shared/", import.meta.url));

/** The few fixtures that are kept with the code. */
const committedFixtures = fileURLToPath(new URL("fixtures/", import.meta.url));

/** The folder of reference numbers: FIXTURES_DIR, or `shared/fixtures` beside the repository, or the few kept with the code. */
const fixturesFolder =
  process.env.FIXTURES_DIR ??
  [join(sharedFolder, "fixtures"), committedFixtures].find((folder) => existsSync(folder)) ??
  committedFixtures;

/** The folder of real checkpoints and data beside the repository; tests that need it skip where it is absent. */
export const sharedDataFolder = join(sharedFolder, "data");
export const sharedDataIsPresent = existsSync(sharedDataFolder);

/** Paths of the reference files whose name matches, with those that are kept with the code alone; where there are no others, one line says so. */
export function fixtureFiles(pattern: RegExp): string[] {
  const filesIn = (folder: string) =>
    readdirSync(folder).filter((file) => file.endsWith(".safetensors") && pattern.test(file));
  const files = filesIn(fixturesFolder);
  if (fixturesFolder === committedFixtures) {
    console.warn(
      `reference fixtures: only the ${files.length} kept with the code; FIXTURES_DIR may name a folder of more`,
    );
  }
  const further = filesIn(committedFixtures).filter((file) => !files.includes(file));
  return [
    ...files.map((file) => join(fixturesFolder, file)),
    ...further.map((file) => join(committedFixtures, file)),
  ].sort();
}

/** Reads a fixture with a reader of its own, so that a fault in the product's reader cannot hide here. */
export function readFixture(path: string): Fixture {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const metadata: Record<string, unknown> = {};
  const tensors = new Map<string, FixtureTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      for (const [key, value] of Object.entries(entry)) metadata[key] = parseJson(String(value));
      continue;
    }
    const [start, end] = entry.data_offsets;
    const data = bytes.buffer.slice(
      bytes.byteOffset + 8 + headerLength + start,
      bytes.byteOffset + 8 + headerLength + end,
    );
    tensors.set(name, { shape: entry.shape, values: decode(entry.dtype, data) });
  }
  return { name: basename(path, ".safetensors"), metadata, tensors };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function decode(dtype: string, data: ArrayBuffer): Float32Array | Int32Array {
  if (dtype === "F32") return new Float32Array(data);
  if (dtype === "I32") return new Int32Array(data);
  if (dtype === "I64") return Int32Array.from(new BigInt64Array(data), Number);
  throw new Error(`fixture dtype ${dtype} is not read by the tests`);
}
