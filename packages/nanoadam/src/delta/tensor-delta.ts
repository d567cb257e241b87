/** One tensor: what turns the base's bytes into its own. */
import { InputError } from "../errors.js";
import { type BaseWeights, sha256Of } from "./base-weights.js";
import type { DeltaFile, DeltaWriter } from "./delta-file.js";
import { addDifferences, changedPositions, encodeDifferences, unitsOf, widthOf } from "./differences.js";
import type { TensorDelta } from "./manifest.js";
import { decodePositions, encodePositions } from "./positions.js";

/** Share of entries from which on all differences are kept, without their positions. */
const mostSparse = 0.5;

/** The names of a tensor's parts. */
export function partsOf(file: string, tensor: string): readonly [positions: string, values: string] {
  return [`${file}/${tensor}.positions`, `${file}/${tensor}.values`];
}

export interface TensorToWrite {
  readonly name: string;
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly base: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  readonly bytesPerEntry: number;
}

export async function writeTensorDelta(writer: DeltaWriter, tensor: TensorToWrite): Promise<TensorDelta> {
  const { name, file, bytes, base, bytesPerEntry } = tensor;
  const length = bytes.length;
  const [positionsPart, valuesPart] = partsOf(file, name);
  if (base === undefined) return { kind: "whole", length, parts: [await writer.add(valuesPart, bytes)] };
  const told = { length, base: base.name, sha256: sha256Of(base.bytes) };
  const [before, after] = [unitsOf(base.bytes, bytesPerEntry), unitsOf(bytes, bytesPerEntry)];
  const positions = changedPositions(before, after);
  const width = widthOf(before);
  if (positions.length === 0) return { kind: "same", ...told };
  if (positions.length > mostSparse * before.length) {
    const part = await writer.add(valuesPart, encodeDifferences(before, after, undefined));
    return { kind: "dense", ...told, width, parts: [part] };
  }
  const parts = [
    await writer.add(positionsPart, encodePositions(positions)),
    await writer.add(valuesPart, encodeDifferences(before, after, positions)),
  ] as const;
  return { kind: "sparse", ...told, width, count: positions.length, parts: [...parts] };
}

/** @throws InputError where the base has another tensor, naming both, or the delta is damaged */
export async function applyTensorDelta(delta: DeltaFile, base: BaseWeights, tensor: TensorDelta): Promise<Uint8Array> {
  if (tensor.kind === "whole") {
    const bytes = await delta.read(tensor.parts[0], tensor.length);
    if (bytes.length !== tensor.length) throw damaged(delta, tensor.parts[0]);
    return bytes;
  }
  const bytes = await readBase(delta, base, tensor);
  if (tensor.kind === "same") return bytes;
  if (bytes.length % tensor.width !== 0) throw damaged(delta, tensor.parts[0]);
  const units = unitsOf(bytes, tensor.width);
  const count = tensor.kind === "dense" ? units.length : tensor.count;
  const [first] = tensor.parts;
  const positions =
    tensor.kind === "dense"
      ? undefined
      : (decodePositions(await delta.read(first, 5 * count), count, units.length) ?? refuse(damaged(delta, first)));
  const valuesPart = tensor.kind === "dense" ? first : tensor.parts[1];
  const planes = await delta.read(valuesPart, count * tensor.width);
  if (widthOf(units) !== tensor.width || planes.length !== count * tensor.width) throw damaged(delta, valuesPart);
  addDifferences(units, planes, positions);
  return bytes;
}

async function readBase(
  { path, manifest }: DeltaFile,
  base: BaseWeights,
  tensor: Exclude<TensorDelta, { readonly kind: "whole" }>,
): Promise<Uint8Array> {
  const bytes = await base.read(tensor.base).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${path} is of the base ${manifest.base}, but ${error.message}`);
  });
  if (bytes.length === tensor.length && sha256Of(bytes) === tensor.sha256) return bytes;
  throw new InputError(
    `${path} is of the base ${manifest.base}, but ${base.folder} is another one: its tensor "${tensor.base}" has the SHA-256 ${sha256Of(bytes)}, expected ${tensor.sha256}`,
  );
}

function damaged({ path }: DeltaFile, part: string): InputError {
  return new InputError(`${path}: "${part}" has not the entries that the manifest tells; is it damaged?`);
}

function refuse(error: InputError): never {
  throw error;
}
