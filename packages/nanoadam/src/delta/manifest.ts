/** What a delta says of the folder that it rebuilds. */
import { z } from "zod";
import { InputError } from "../errors.js";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.number().int().min(0);
/** Bytes of the whole numbers that entries are taken as. */
const width = z.union([z.literal(1), z.literal(2), z.literal(4)]);

/** A path within the folder, as a delta of our own may have it: nothing leads out of it. */
const path = z
  .string()
  .min(1)
  .refine((value) => value.split("/").every((part) => !["", ".", ".."].includes(part)) && !/[\\:\0]/.test(value), {
    message: "is no path within a folder",
  });

/** A tensor in the place of the file where it lies: as the base has it, with differences, or as it is. */
const tensor = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("same"), length: size, base: z.string(), sha256 }),
  z.object({
    kind: z.literal("sparse"),
    length: size,
    base: z.string(),
    sha256,
    width,
    count: size,
    parts: z.tuple([z.string(), z.string()]),
  }),
  z.object({
    kind: z.literal("dense"),
    length: size,
    base: z.string(),
    sha256,
    width,
    parts: z.tuple([z.string()]),
  }),
  z.object({ kind: z.literal("whole"), length: size, parts: z.tuple([z.string()]) }),
]);

const file = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("same"), path, size, sha256 }),
  z.object({ kind: z.literal("whole"), path, size, sha256, parts: z.tuple([z.string()]) }),
  z.object({
    kind: z.literal("weights"),
    path,
    size,
    sha256,
    headerSize: size,
    parts: z.tuple([z.string()]),
    tensors: z.array(tensor),
  }),
]);

const manifest = z.object({
  version: z.literal(1),
  /** What the base was called. */
  base: z.string(),
  files: z.array(file),
});

export type Manifest = z.output<typeof manifest>;
export type FileEntry = Manifest["files"][number];
export type TensorDelta = z.output<typeof tensor>;

/** @throws InputError naming the file and the field for anything else */
export function parseManifest(text: string, fileName: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(`${fileName}: what it says of its files is no JSON; is it damaged?`);
  }
  const result = manifest.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${fileName}: ${issue?.path.join(".")} of the manifest: ${issue?.message}; is it damaged?`);
}
