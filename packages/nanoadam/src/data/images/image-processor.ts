/** What preprocessor_config.json says of images: their size, and how pixels become a network's numbers. */
import { z } from "zod";
import { InputError } from "../../errors.js";
import { channels, cropped, type RawImage } from "./raw-image.js";
import { resamplings, resized } from "./resample.js";

/** Makes images what a network takes in. */
export interface ImageProcessor {
  /** Of what comes out. */
  readonly height: number;
  readonly width: number;
  /** What it does, each setting spelled out under the names that all kinds of processors know. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The whole image, or its middle, in the network's size, as the configuration says. */
  fit(image: RawImage): RawImage;
  /** An image of any size in the network's, stretched if need be. */
  stretch(image: RawImage): RawImage;
  /** The pixels of an image of the network's size as its numbers, [3, height, width]. */
  numbers(image: RawImage): Float32Array;
}

const side = z
  .number()
  .int()
  .positive()
  .max(1 << 14);
const sizes = z.union([side, z.object({ height: side, width: side }), z.object({ shortest_edge: side })]);
const three = z.union([z.number().transform((value) => [value, value, value]), z.array(z.number()).length(channels)]);

const schema = z.object({
  do_resize: z.boolean().default(true),
  size: sizes.optional(),
  resample: z
    .number()
    .refine((value) => resamplings.includes(value), `expected one of ${resamplings.join(", ")}`)
    .optional(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sizes.nullish(),
  crop_pct: z.number().gt(0).max(1).nullish(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: three.optional(),
  image_std: three.optional(),
});

type Config = z.output<typeof schema>;
type Size = z.output<typeof sizes>;

/** How a kind of processor takes a configuration, and what it has where that says nothing. */
interface ProcessorKind {
  /** What a size that is one number means: both sides, or the shorter. */
  readonly isSquare: boolean;
  readonly size: Size;
  readonly resample: number;
  readonly isCropped: boolean;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** ConvNeXT's: small images are made larger than asked for, by `crop_pct`, and cropped. */
  readonly cropShare?: number;
}

const half = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
const openai = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};

const kinds: Readonly<Record<string, ProcessorKind>> = {
  ViT: { isSquare: true, size: 224, resample: 2, isCropped: false, ...half },
  DeiT: { isSquare: true, size: 256, resample: 3, isCropped: true, ...half },
  ConvNext: { isSquare: false, size: 384, resample: 3, isCropped: false, ...half, cropShare: 224 / 256 },
  Bit: { isSquare: false, size: 224, resample: 3, isCropped: true, ...openai },
};

/** From this size of the shorter edge on, ConvNeXT's processor does not crop. */
const largeConvNext = 384;

/**
 * @param file what messages call the configuration
 * @throws InputError for a processor that is not known, or a field that does not fit
 */
export function imageProcessor(raw: Readonly<Record<string, unknown>>, file: string): ImageProcessor {
  const kind = kindOf(raw, file);
  const result = schema.safeParse(raw);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new InputError(`${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`);
  }
  const config = result.data;
  const resample = config.resample ?? kind.resample;
  const { resize, crop } = stepsOf(config, kind);
  const output = crop ?? (typeof resize === "number" ? undefined : resize);
  if (output === undefined) {
    throw new InputError(`${file}: size and crop_size leave images of different sizes, of which no batch can be made`);
  }
  const [height, width] = output;
  const mean = config.image_mean ?? kind.mean;
  const deviation = config.image_std ?? kind.deviation;
  const [factor, shifts, scales] = [
    config.do_rescale ? config.rescale_factor : 1,
    config.do_normalize ? mean : [0, 0, 0],
    config.do_normalize ? deviation : [1, 1, 1],
  ];
  return {
    height,
    width,
    settings: {
      do_resize: resize !== undefined,
      ...(resize === undefined ? {} : { size: sizeSetting(resize), resample }),
      do_center_crop: crop !== undefined,
      ...(crop === undefined ? {} : { crop_size: sizeSetting(crop) }),
      do_rescale: config.do_rescale,
      rescale_factor: config.rescale_factor,
      do_normalize: config.do_normalize,
      image_mean: mean,
      image_std: deviation,
    },
    fit(image) {
      const whole = resize === undefined ? image : resized(image, sizeAfter(image, resize), resample);
      return cropped(whole, {
        top: Math.floor((whole.height - height) / 2),
        left: Math.floor((whole.width - width) / 2),
        height,
        width,
      });
    },
    stretch: (image) => resized(image, [height, width], resample),
    numbers({ pixels }) {
      const area = height * width;
      const numbers = new Float32Array(channels * area);
      for (let channel = 0; channel < channels; channel++) {
        const [shift, scale] = [shifts[channel] ?? 0, scales[channel] ?? 1];
        const table = Float32Array.from({ length: 256 }, (_, value) => (value * factor - shift) / scale);
        for (let pixel = 0; pixel < area; pixel++) {
          numbers[channel * area + pixel] = table[pixels[pixel * channels + channel] as number] as number;
        }
      }
      return numbers;
    },
  };
}

/** A processor that brings images to a size, and does nothing else. */
export function plainProcessor({ height, width }: Pick<ImageProcessor, "height" | "width">): ImageProcessor {
  const settings = { image_processor_type: "ViTImageProcessor", size: { height, width }, do_normalize: false };
  return imageProcessor(settings, "");
}

function sizeSetting(size: readonly [number, number] | number): Readonly<Record<string, number>> {
  return typeof size === "number" ? { shortest_edge: size } : { height: size[0], width: size[1] };
}

function kindOf(raw: Readonly<Record<string, unknown>>, file: string): ProcessorKind {
  const told = raw.image_processor_type ?? raw.feature_extractor_type;
  const name = typeof told === "string" ? told.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, "") : "";
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind !== undefined) return kind;
  const known = Object.keys(kinds).map((each) => `${each}ImageProcessor`);
  throw new InputError(
    `${file}: image_processor_type is ${JSON.stringify(told) ?? "missing"}, expected one of ${known.join(", ")}`,
  );
}

/** What is done to an image: to both sides, or by its shorter edge; then the middle is cut out. */
interface Steps {
  readonly resize: readonly [number, number] | number | undefined;
  readonly crop: readonly [number, number] | undefined;
}

function stepsOf(config: Config, kind: ProcessorKind): Steps {
  const size = config.size ?? kind.size;
  const edge = edgeOf(size, kind.isSquare);
  if (!config.do_resize)
    return { resize: undefined, crop: config.crop_size == null ? undefined : pairOf(config.crop_size) };
  if (kind.cropShare !== undefined && typeof edge === "number") {
    if (edge >= largeConvNext) return { resize: [edge, edge], crop: undefined };
    return { resize: Math.floor(edge / (config.crop_pct ?? kind.cropShare)), crop: [edge, edge] };
  }
  const isCropped = config.do_center_crop ?? kind.isCropped;
  return { resize: edge, crop: isCropped ? pairOf(config.crop_size ?? 224) : undefined };
}

function edgeOf(size: Size, isSquare: boolean): readonly [number, number] | number {
  if (typeof size === "number") return isSquare ? [size, size] : size;
  return "shortest_edge" in size ? size.shortest_edge : [size.height, size.width];
}

function pairOf(size: Size): readonly [number, number] {
  if (typeof size === "number") return [size, size];
  return "shortest_edge" in size ? [size.shortest_edge, size.shortest_edge] : [size.height, size.width];
}

/** The size of an image whose shorter edge is given, which keeps its proportions; or the size that both sides are given. */
function sizeAfter({ width, height }: RawImage, resize: readonly [number, number] | number): readonly [number, number] {
  if (typeof resize !== "number") return resize;
  const longer = Math.floor((resize * Math.max(width, height)) / Math.min(width, height));
  return height <= width ? [resize, longer] : [longer, resize];
}
