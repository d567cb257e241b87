import type { StepKey } from "../random-streams.js";

/** Examples by index, loaded when they are needed. */
export interface Dataset<Example = unknown> {
  readonly length: number;
  /** Tokens or pixels of an example, by which batches of like sizes are made. */
  sizeOf(index: number): number;
  /** An example; what is random about it (masked tokens, augmentation) is a function of the index and the key. */
  load(index: number, key: StepKey): Example | Promise<Example>;
  /** The same examples as training sees them, where chance changes them from epoch to epoch. */
  forTraining?(): Dataset<Example>;
  /** The class of an example, where a split should keep the classes' proportions. */
  classOf?(index: number): number;
  /** Whether an example was cut to the maximum size. */
  wasTruncated?(index: number): boolean;
  /** The number, or numbers, that an example is labelled with, where it is of no class. */
  targetsOf?(index: number): ArrayLike<number>;
  /** What an example was made of, as its file has it. */
  sourceOf?(index: number): ExampleSource;
  /** Where examples are images: the size in which they are loaded, height before width. */
  readonly imageSize?: readonly [height: number, width: number];
  /** A small picture of an image, as the address that a page has it by; undefined where none can be made. */
  pictureOf?(index: number): Promise<string | undefined>;
  /** Rows that the cut to the maximum size left nothing to learn of, and that are no examples therefore. */
  readonly cutAway?: number;
  /** What should be said of the data: what was left out, or understood in a way that is not the only one. */
  readonly notes?: readonly string[];
}

/** Where an example came from, as people see it. */
export interface ExampleSource {
  readonly text: string;
  readonly textPair?: string;
  /** 0 where it is a file of its own. */
  readonly line: number;
  /** Whether the text is the place of an image. */
  readonly isImage?: boolean;
}

/** The examples at `indices` alone, in that order. */
export function subset<Example>(dataset: Dataset<Example>, indices: ArrayLike<number>): Dataset<Example> {
  const at = (index: number): number => {
    const found = indices[index];
    if (found === undefined) throw new RangeError(`there is no example ${index} among ${indices.length}`);
    return found;
  };
  return {
    length: indices.length,
    sizeOf: (index) => dataset.sizeOf(at(index)),
    load: (index, key) => dataset.load(at(index), key),
    ...(dataset.forTraining === undefined
      ? {}
      : { forTraining: () => subset(dataset.forTraining?.() ?? dataset, indices) }),
    ...(dataset.classOf === undefined ? {} : { classOf: (index: number) => dataset.classOf?.(at(index)) ?? 0 }),
    ...(dataset.wasTruncated === undefined
      ? {}
      : { wasTruncated: (index: number) => dataset.wasTruncated?.(at(index)) ?? false }),
    ...(dataset.targetsOf === undefined ? {} : { targetsOf: (index: number) => dataset.targetsOf?.(at(index)) ?? [] }),
    ...(dataset.sourceOf === undefined
      ? {}
      : { sourceOf: (index: number) => dataset.sourceOf?.(at(index)) ?? { text: "", line: 0 } }),
    ...(dataset.imageSize === undefined ? {} : { imageSize: dataset.imageSize }),
    ...(dataset.pictureOf === undefined ? {} : { pictureOf: async (index: number) => dataset.pictureOf?.(at(index)) }),
    ...(dataset.cutAway === undefined ? {} : { cutAway: dataset.cutAway }),
    ...(dataset.notes === undefined ? {} : { notes: dataset.notes }),
  };
}

/** How many examples were cut to the maximum size. */
export function countTruncated(dataset: Dataset): number {
  let count = 0;
  for (let index = 0; index < dataset.length; index++) if (dataset.wasTruncated?.(index) === true) count++;
  return count;
}

/** How many examples are of each class, by class id. */
export function countClasses(dataset: Pick<Dataset, "length" | "classOf">, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let index = 0; index < dataset.length; index++) {
    const label = dataset.classOf?.(index) ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

/** The sizes of all examples. */
export function sizesOf(dataset: Dataset): number[] {
  return Array.from({ length: dataset.length }, (_, index) => dataset.sizeOf(index));
}
