/** One class for each image. */
import { float32Tensor } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import { type Augmentation, drawsFor, flipped, randomPart } from "../data/images/augment.js";
import { type ImageEntry, imageFile } from "../data/images/image-entry.js";
import type { ImageProcessor } from "../data/images/image-processor.js";
import { readImages } from "../data/images/read-images.js";
import { keepingRecent } from "../data/images/recent-images.js";
import { thumbnail } from "../data/images/thumbnail.js";
import { type LabelMap, labelMapFor, labelMapOfModel, labelMapToConfig, labelReader } from "../data/labels.js";
import { InputError } from "../errors.js";
import type { StepKey } from "../random-streams.js";
import { classReview } from "./class-review.js";
import {
  type ClassLossOptions,
  type ClassOutcome,
  type ClassTrainingOptions,
  classAnswers,
  classBatch,
  classLoss,
  classMetrics,
  labelNotes,
  singleLabel,
  withTrainingLoss,
} from "./classes.js";
import type { ImageTaskKind, Task } from "./task.js";

/** An image with its class id where it is labelled. */
export interface ClassImage {
  readonly entry: ImageEntry;
  readonly label?: number;
  /** As the network takes it in, [3, height, width]; absent until it is read. */
  readonly numbers?: Float32Array;
}

export interface ImageClassificationOptions extends ClassTrainingOptions {
  readonly labels: LabelMap;
  readonly images: ImageProcessor;
  /** What chance does to training images; "none" unless given. */
  readonly augment?: Augmentation;
}

export function imageClassificationTask(options: ImageClassificationOptions): Task<ClassImage, ClassOutcome> {
  return withTrainingLoss((loss) => taskWithLoss(options, loss), options.labels.names.length, options);
}

function taskWithLoss(
  { labels, images, augment = "none" }: ImageClassificationOptions,
  loss: ClassLossOptions,
): Task<ClassImage, ClassOutcome> {
  const classes = labels.names.length;
  return {
    name: "image-classification",
    head: { kind: "outputs", per: "example", outputs: classes },
    classes: labels.names,
    async read(source) {
      const entries = await readImages(source);
      const labelled = entries.filter(({ label }) => label !== undefined);
      if (labelled.length === 0) {
        throw new InputError(
          `${source.file}: no image has a label, expected a folder of images for each class, or a column of labels`,
        );
      }
      const found = labelled.map(({ label = "" }) => label);
      const reader = labelReader(labels, found);
      const without = entries.length - labelled.length;
      return imageDataset(
        labelled.map((entry) => ({ entry, label: reader.id(entry.label ?? "", source.file, entry.line) })),
        images,
        augment,
        [
          ...(without === 0
            ? []
            : [`${source.file}: ${without} of ${entries.length} images have no label and are left out`]),
          ...labelNotes(found, reader, labels, source.file),
        ],
      );
    },
    collate(examples) {
      const size = images.height * images.width * 3;
      const pixels = new Float32Array(examples.length * size);
      for (const [row, { entry, numbers }] of examples.entries()) {
        if (numbers === undefined) throw new Error(`${entry.text} was not read`);
        pixels.set(numbers, row * size);
      }
      const shape = [examples.length, 3, images.height, images.width];
      return classBatch(
        [["pixel_values", float32Tensor(pixels, shape)]],
        examples.map(({ label }) => label),
        loss,
      );
    },
    loss: classLoss(loss),
    metrics: () => classMetrics(classes),
    review: (dataset) => classReview(labels.names, dataset),
    predictor: {
      texts: readImages,
      example: (image) => ({ entry: entryOf(image) }),
      dataset: (examples) => imageDataset(examples, images, "none", []),
      ...classAnswers(labels),
    },
    config: () => ({ ...singleLabel, ...labelMapToConfig(labels) }),
  };
}

/** The image that a name is of: one that was read, or a file. */
function entryOf(image: { readonly text: string }): ImageEntry {
  return "read" in image ? (image as ImageEntry) : imageFile(image.text);
}

function imageDataset(
  entries: readonly ClassImage[],
  images: ImageProcessor,
  augment: Augmentation,
  notes: readonly string[],
): Dataset<ClassImage> {
  const recent = keepingRecent((index) => at(entries, index).entry.read());
  const load = async (index: number, key: StepKey, chance: Augmentation): Promise<ClassImage> => {
    const image = await recent(index);
    const draw = drawsFor(key, index);
    const turned = chance !== "none" && draw() < 0.5;
    const sized = chance === "crop" ? images.stretch(randomPart(image, draw)) : images.fit(image);
    return { ...at(entries, index), numbers: images.numbers(turned ? flipped(sized) : sized) };
  };
  const plain: Dataset<ClassImage> = {
    length: entries.length,
    sizeOf: () => images.height * images.width,
    load: (index, key) => load(index, key, "none"),
    classOf: (index) => at(entries, index).label ?? 0,
    sourceOf: (index) => ({ text: at(entries, index).entry.text, line: at(entries, index).entry.line, isImage: true }),
    imageSize: [images.height, images.width],
    pictureOf: async (index) => thumbnail(await recent(index)),
    notes,
  };
  if (augment === "none") return plain;
  return { ...plain, forTraining: () => ({ ...plain, load: (index, key) => load(index, key, augment) }) };
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no image ${index} among ${items.length}`);
  return item;
}

export const imageClassification = {
  name: "image-classification",
  takes: "images",
  description: "one label for each image, of a folder for each class, or a table of paths",
  needsLabel: true,
  mostTextColumns: 1,
  mostLabelColumns: 1,
  lossOptions: ["labelSmoothing", "classWeights"],
  metrics: ["accuracy", "f1", "matthews", "loss"],
  async fromData(source, { config, ...context }) {
    const found = (await readImages(source)).flatMap(({ label }) => (label === undefined ? [] : [label]));
    return imageClassificationTask({ labels: labelMapFor(found, config, source.file), ...context });
  },
  matches: ({ architectures }) =>
    Array.isArray(architectures) && String(architectures[0]).endsWith("ForImageClassification"),
  fromConfig: (config, file, { images }) => imageClassificationTask({ labels: labelMapOfModel(config, file), images }),
} as const satisfies ImageTaskKind;
