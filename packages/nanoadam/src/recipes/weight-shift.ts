/** How far a run moved the weights from where it began. */
import type { WeightArray } from "@nanoadam/optim";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { asFloat32, narrowToBfloat16 } from "../checkpoint/floats.js";
import { addProduct, type LowRankProduct, rowFactorsOf } from "../checkpoint/low-rank-product.js";
import { initialValues, type TensorSource } from "../checkpoint/pretrained.js";
import { adapterNames, type LoraOptions, scaleOfAdapter } from "../models/lora.js";
import type { Model } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";

export interface TrainedWeights {
  /** Where the weights were read from; still open. */
  readonly checkpoint: Pick<Checkpoint, "read">;
  /** The weights now, as float32 numbers or bfloat16 bits. */
  readonly pretrained: {
    readonly model: Pick<Model, "parameters">;
    readonly sources: ReadonlyMap<string, Pick<TensorSource, "name" | "start">>;
    readonly weights: ReadonlyMap<string, WeightArray>;
  };
  /** The adapter that was trained. */
  readonly lora: Omit<LoraOptions, "targets"> | undefined;
  /** The seed of what was freshly initialised. */
  readonly seed: number;
}

export interface WeightChange {
  /** Entries that differ from the checkpoint, or from their initialisation. */
  readonly changed: number;
  /**
   * The l2 norm of what a tensor moved by, an adapter's product included, as a mean over the tensors that came from the
   * checkpoint; 0 without any.
   */
  readonly meanShift: number;
  /** The same of each of these tensors, by its parameter's name. */
  readonly shifts: ReadonlyMap<string, number>;
  /** Entries that are 0 now. */
  readonly zeros: number;
}

/** Few enough that a piece stays in a processor's cache. */
const pieceLength = 1 << 18;

/**
 * Compares the weights with the checkpoint, read again in pieces of a MB, and with the initialisation of what it lacks. A
 * weight held as bfloat16 is compared with what it began as: the checkpoint's value rounded to bfloat16.
 *
 * @throws InputError where the checkpoint cannot be read any more.
 */
export async function measureChange(trained: TrainedWeights): Promise<WeightChange> {
  const { model, sources } = trained.pretrained;
  const memory = pieceMemory();
  let [changed, zeros] = [0, 0];
  const shifts = new Map<string, number>();
  for (const parameter of model.parameters) {
    const product = await adapterProduct(parameter, trained);
    let squares = 0;
    for await (const { start, before, now: weights } of weightPieces(trained, parameter, memory)) {
      const now = memory.now.subarray(0, weights.length);
      now.set(weights);
      for (let i = 0; i < now.length; i++) {
        if (now[i] !== before[i]) changed++;
        if (now[i] === 0) zeros++;
      }
      if (product !== undefined) addProduct(now, start, product);
      for (let i = 0; i < now.length; i++) squares += ((now[i] as number) - (before[i] as number)) ** 2;
    }
    if (sources.has(parameter.name)) shifts.set(parameter.name, Math.sqrt(squares));
  }
  const sum = [...shifts.values()].reduce((all, shift) => all + shift, 0);
  return { changed, meanShift: sum / Math.max(1, shifts.size), shifts, zeros };
}

/** A piece of a parameter's weights: what they began as, and what they are. */
export interface WeightPiece {
  /** The first entry's place in the parameter. */
  readonly start: number;
  readonly before: Float32Array;
  readonly now: Float32Array;
}

/** Memory for pieces, of one parameter after another. */
export function pieceMemory() {
  const wide = () => new Float32Array(pieceLength);
  const narrow = () => new Uint16Array(pieceLength);
  return { wide: [wide(), wide()], narrow: [narrow(), narrow()], before: wide(), now: wide() } as const;
}

/**
 * Gives a parameter's weights piece by piece, beside what they began as, which is read again; the next while one is looked at. A piece is valid
 * until the next is asked for; where weights are held in float32 `now` is the weights themselves.
 *
 * @throws InputError where the checkpoint cannot be read any more.
 */
export async function* weightPieces(
  trained: TrainedWeights,
  parameter: ParameterSpecification,
  memory: ReturnType<typeof pieceMemory>,
): AsyncGenerator<WeightPiece> {
  const values = trained.pretrained.weights.get(parameter.name) ?? new Float32Array();
  const readStart = startReader(trained, parameter);
  const targets = values instanceof Float32Array ? memory.wide : memory.narrow;
  const read = async (start: number): Promise<WeightArray> => {
    const [even, odd] = targets;
    const target = (start / pieceLength) % 2 === 0 ? even : odd;
    const piece = target.subarray(0, Math.max(0, Math.min(pieceLength, values.length - start)));
    await readStart(piece, start);
    return piece;
  };
  let reading = read(0);
  for (let start = 0; start < values.length; start += pieceLength) {
    const before = await reading;
    if (start + pieceLength < values.length) reading = read(start + pieceLength);
    // Whoever stops early does not wait for it; to the next turn of this loop its failure is still told.
    reading.catch(() => {});
    const now = values.subarray(start, start + pieceLength);
    yield { start, before: asFloat32(before, memory.before), now: asFloat32(now, memory.now) };
  }
}

/** Reads what a parameter began as, from a flat entry on, in the format of the target. */
export function startReader(
  { checkpoint, pretrained: { model, sources, weights }, seed }: TrainedWeights,
  parameter: ParameterSpecification,
): (target: WeightArray, start: number) => Promise<void> {
  const source = sources.get(parameter.name);
  if (source !== undefined) return (target, start) => checkpoint.read(source.name, target, source.start + start);
  const fresh = initialValues(model, parameter, seed, weights);
  return async (target, start) => {
    const values = fresh.subarray(start, start + target.length);
    if (target instanceof Float32Array) target.set(values);
    else narrowToBfloat16(values, target);
  };
}

/** What a layer's adapter does to its weight. */
export async function adapterProduct(
  { name, shape: [, columns = 1] }: ParameterSpecification,
  { pretrained: { weights }, lora }: TrainedWeights,
): Promise<LowRankProduct | undefined> {
  const names = adapterNames(name.replace(/\.weight$/, ""));
  const [down, up, lengths] = [names.a, names.b, names.magnitude].map((part) => weights.get(part));
  const weight = weights.get(name);
  if (lora === undefined || down === undefined || up === undefined || weight === undefined) return undefined;
  const product = { up: asFloat32(up), down: asFloat32(down), rank: lora.rank, scale: scaleOfAdapter(lora) };
  if (lengths === undefined) return product;
  const rowFactors = await rowFactorsOf(product, asFloat32(lengths), (row, target) => {
    target.set(asFloat32(weight.subarray(row * columns, (row + 1) * columns)));
  });
  return { ...product, rowFactors };
}
