import {
  arrayLike,
  type GradientNeed,
  gatherEntries,
  type Selection,
  scatterEntries,
  type WeightArray,
} from "@nanoadam/optim";
import type { Weights } from "../program/compile-stages.js";
import type { TrainingObserver } from "./observer.js";

/** Where bytes are kept out of memory; places are chosen by who uses it. */
export interface UndoStorage {
  write(at: number, bytes: Uint8Array): void;
  read(at: number, bytes: Uint8Array): void;
}

export interface UndoOptions {
  /** What is kept of a tensor goes there where it is large; all is in memory without one. */
  readonly storage?: UndoStorage;
  /** How many entries of a tensor are kept in memory at most, where there is a storage. */
  readonly mostInMemory?: number;
  /** The names of what the model itself brings up to date, with each batch. */
  readonly buffers?: readonly string[];
}

/** How many entries of a tensor are kept in memory at most, unless told, where there is a storage. */
export const mostKeptInMemory = 1 << 16;

interface Kept {
  /** Whether this step has moved the tensor. */
  moved: boolean;
  /** Absent where they are in the storage. */
  readonly values: WeightArray | undefined;
  /** Where its room begins there, and how large that is. */
  readonly place: number;
  readonly bytes: number;
  /** What the optimizer had selected, and a copy of it, since a refresh writes over it; absent where all entries are kept. */
  readonly selected: Selection | undefined;
  readonly selection: Selection | undefined;
}

/**
 * What a step moves, as it was before. A step can leave finite weights that give no finite loss; that shows only in the
 * next step, and then this takes the last one back. Or a gradient that is not finite shows when other tensors have moved by theirs. A tensor is kept just before it is updated, when its selected entries have
 * to come from memory in any case: for all tensors first it would be a hundredth of a step of BERT-base. Of a large network the
 * entries and their offsets go to a storage, a part at a time: four bytes that the optimizer's state has beside eight.
 */
export class UndoBuffer implements TrainingObserver {
  readonly #weights: Weights;
  readonly #storage: UndoStorage | undefined;
  readonly #mostInMemory: number;
  /** Of every tensor that has moved: its memory serves again. */
  readonly #kept = new Map<string, Kept>();
  /** As they were when the last step that moved anything was about to. */
  readonly #buffers: ReadonlyMap<string, WeightArray>;
  #step = 0;
  #memory = new ArrayBuffer(0);
  /** The bytes of the storage that are given out. */
  #stored = 0;

  constructor(weights: Weights, { storage, mostInMemory = mostKeptInMemory, buffers = [] }: UndoOptions = {}) {
    this.#weights = weights;
    this.#storage = storage;
    this.#mostInMemory = mostInMemory;
    this.#buffers = new Map(buffers.map((name) => [name, valuesOf(weights, name).slice()]));
  }

  /** Keeps what the optimizer will move of a tensor. */
  onUpdate(step: number, name: string, need: GradientNeed): void {
    if (step !== this.#step) {
      for (const kept of this.#kept.values()) kept.moved = false;
      for (const [buffer, values] of this.#buffers) values.set(valuesOf(this.#weights, buffer));
    }
    this.#step = step;
    const weights = this.#weights.get(name);
    if (weights === undefined || need.kind === "nothing") return;
    const kept = this.#keptFor(name, need, weights);
    const { selection, values } = kept;
    if (values !== undefined && selection === undefined) values.set(weights);
    else if (values !== undefined && selection !== undefined) gatherEntries(weights, selection, values);
    else {
      this.#forEachPart(kept, weights, "selected", (at, part, own, packed) => {
        this.#storage?.write(at, bytesOf(gatherEntries(own, part, packed)));
      });
    }
    kept.moved = true;
  }

  /** Where a tensor's entries are kept: where they were, unless the selection has changed. */
  #keptFor(name: string, need: Exclude<GradientNeed, { kind: "nothing" }>, weights: WeightArray): Kept {
    const known = this.#kept.get(name);
    const selected = need.kind === "entries" ? need.selection : undefined;
    if (known !== undefined && known.selected === selected) return known;
    const size = selected?.count ?? weights.length;
    const isStored = this.#storage !== undefined && selected !== undefined && size > this.#mostInMemory;
    const kept: Kept = {
      moved: false,
      values: isStored ? undefined : known?.values?.length === size ? known.values : arrayLike(weights, size),
      ...this.#placeFor(known, isStored ? size * (2 + weights.BYTES_PER_ELEMENT) : 0),
      selected,
      selection: selected && {
        ...selected,
        starts: selected.starts.slice(),
        offsets: isStored ? new Uint16Array(0) : selected.offsets.slice(),
      },
    };
    if (isStored) this.#storage?.write(kept.place, bytesOf(selected.offsets));
    this.#kept.set(name, kept);
    return kept;
  }

  /** Room for so many bytes: where the tensor's were, if they were as many. */
  #placeFor(known: Kept | undefined, bytes: number): Pick<Kept, "place" | "bytes"> {
    if (known !== undefined && known.bytes >= bytes) return { place: known.place, bytes: known.bytes };
    const place = this.#stored;
    this.#stored += bytes;
    return { place, bytes };
  }

  /** Whether there is a step to take back. */
  get isEmpty(): boolean {
    return this.#step === 0;
  }

  /** The step that would be taken back, counted from 1: the last that has moved anything, and perhaps not all. 0 where there is none. */
  get step(): number {
    return this.#step;
  }

  /** The bytes that go to the storage at most, where up to such a share of each tensor is selected. */
  mostStored(density: number): number {
    if (this.#storage === undefined) return 0;
    return [...this.#weights.values()]
      .map((weights) => ({ count: Math.ceil(density * weights.length), bytes: 2 + weights.BYTES_PER_ELEMENT }))
      .reduce((sum, { count, bytes }) => sum + (count > this.#mostInMemory ? count * bytes : 0), 0);
  }

  /** Memory for values of a part, which serves all. */
  #packed(weights: WeightArray, count: number): WeightArray {
    if (this.#memory.byteLength < 4 * count) this.#memory = new ArrayBuffer(4 * count);
    return weights instanceof Float32Array
      ? new Float32Array(this.#memory, 0, count)
      : new Uint16Array(this.#memory, 0, count);
  }

  /** Puts weights and buffers back to what they were when they were kept. */
  restore(): void {
    for (const [name, values] of this.#buffers) this.#weights.get(name)?.set(values);
    for (const [name, kept] of this.#kept) {
      const weights = this.#weights.get(name);
      if (weights === undefined || !kept.moved) continue;
      const { values, selection } = kept;
      if (values !== undefined && selection === undefined) weights.set(values);
      else if (values !== undefined && selection !== undefined) scatterEntries(values, selection, weights);
      else {
        this.#forEachPart(kept, weights, "stored", (at, part, own, packed) => {
          this.#storage?.read(at, bytesOf(packed));
          scatterEntries(packed, part, own);
        });
      }
    }
  }

  /**
   * Calls `visit` for some chunks after another: where their values are stored, their selection, their weights, and memory for the
   * values of those that are selected.
   * @param source where the selection's offsets are: with the optimizer, or in the storage
   */
  #forEachPart(
    { selected, selection, place }: Kept,
    weights: WeightArray,
    source: "selected" | "stored",
    visit: (at: number, part: Selection, weights: WeightArray, packed: WeightArray) => void,
  ): void {
    if (selection === undefined || selected === undefined) return;
    const { starts, chunkSize, length, count } = selection;
    const chunks = starts.length - 1;
    for (let first = 0; first < chunks; first += chunksAtOnce) {
      const end = Math.min(chunks, first + chunksAtOnce);
      const [from, to] = [starts[first] as number, starts[end] as number];
      const offsets = source === "selected" ? selected.offsets.subarray(from, to) : new Uint16Array(to - from);
      if (source === "stored") this.#storage?.read(place + 2 * from, bytesOf(offsets));
      const own = weights.subarray(first * chunkSize, Math.min(length, end * chunkSize));
      const part = { length: own.length, chunkSize, count: to - from, starts: starts.slice(first, end + 1), offsets };
      for (let i = 0; i < part.starts.length; i++) part.starts[i] = (part.starts[i] as number) - from;
      visit(place + 2 * count + weights.BYTES_PER_ELEMENT * from, part, own, this.#packed(weights, to - from));
    }
  }
}

const chunksAtOnce = 32;

function bytesOf(values: WeightArray): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function valuesOf(weights: Weights, name: string): WeightArray {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`the weights lack ${name}`);
  return values;
}
