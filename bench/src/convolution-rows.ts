/**
 * The gradient of a convolution's weight, whole and sampled: shapes of ResNet-50 with 8 images of 224 x 224, and of a ResNet for CIFAR with 32.
 * What is counted on either side is what a step does: the whole gradient with the gathering of its selected entries, against the kernel
 * with the copies of both images. Times are of the processor, on one thread, each the least of some runs, so that other work on the
 * machine does little harm.
 */
import { convolution, derive, input, sizeOf, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime, createSampledProduct } from "@nanoadam/engine/node";
import { addEntries, selectSmallest } from "@nanoadam/optim";
import { sines } from "./bound-product.js";
import { measuredRow, type Row } from "./row.js";

/** A convolution: channels, kernel, stride, and the side of the images that it takes in. */
interface ConvolutionShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly side: number;
  readonly images: number;
}

const shape = (
  [inputs, outputs]: readonly [number, number],
  [kernel, stride]: readonly [number, number],
  [images, side]: readonly [number, number],
): ConvolutionShape => ({ inputs, outputs, kernel, stride, side, images });

const shapes: readonly ConvolutionShape[] = [
  shape([3, 64], [7, 2], [8, 224]),
  shape([64, 64], [1, 1], [8, 56]),
  shape([64, 256], [1, 1], [8, 56]),
  shape([256, 64], [1, 1], [8, 56]),
  shape([64, 64], [3, 1], [8, 56]),
  shape([256, 512], [1, 2], [8, 56]),
  shape([128, 128], [3, 2], [8, 56]),
  shape([512, 128], [1, 1], [8, 28]),
  shape([128, 128], [3, 1], [8, 28]),
  shape([1024, 256], [1, 1], [8, 14]),
  shape([256, 256], [3, 1], [8, 14]),
  shape([512, 2048], [1, 1], [8, 7]),
  shape([512, 512], [3, 1], [8, 7]),
  shape([3, 16], [3, 1], [32, 32]),
  shape([16, 16], [3, 1], [32, 32]),
  shape([64, 64], [3, 1], [32, 8]),
];

const densities = [0.01, 0.1];
const runs = 6;

export async function convolutionRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const each of shapes) rows.push(...(await rowsOf(each)));
  return rows;
}

async function rowsOf({ inputs, outputs, kernel, stride, side, images }: ConvolutionShape): Promise<Row[]> {
  const [image, weight] = [
    input("float32", [images, inputs, side, side]),
    input("float32", [outputs, inputs, kernel, kernel]),
  ];
  const y = convolution(image, weight, undefined, { stride, padding: Math.floor(kernel / 2) });
  const named = Object.entries({ image, weight }).map(([name, value]) => ({ name, value }));
  const layer = tensorFunction("layer", named, [{ name: "y", value: y }]);
  const { backward } = derive(layer, { outputs: ["y"], inputs: new Map([["weight", []]]) });
  const factors = derive(layer, { outputs: ["y"], inputs: new Map([["weight", ["product"]]]) });
  const part = factors.gradients.get("weight")?.[0];
  if (part?.kind !== "product" || part.images === undefined) throw new Error("a convolution's gradient is no product");
  const runtime = await cpuRuntime({ threads: 1 });
  const compiled = await runtime.compile(backward);
  const [left, right] = [sines(sizeOf(y.type.shape)), sines(sizeOf(image.type.shape))];
  const whole = new Float32Array(sizeOf(weight.type.shape));
  const given = new Map([...backward.inputs].map(({ name }) => [name, name === "image" ? right : left] as const));
  const run = compiled.bind(new Map([...given, [backward.outputs[0]?.name ?? "", whole]]));
  const sampled = createSampledProduct({ threads: 1 });
  const { count, windows } = part.images;
  const rows: Row[] = [];
  for (const density of densities) {
    const selection = selectSmallest(sines(whole.length), { density });
    const sums = new Float32Array(selection.count);
    const peer = await leastProcessorTime(async () => {
      await run();
      addEntries(whole, selection, sums, 1);
    });
    const ours = await leastProcessorTime(() => {
      sampled.setRightImages(right, count, windows);
      sampled.add(left, selection, sums);
    });
    const title = `${outputs} x ${inputs} x ${kernel} x ${kernel}, stride ${stride}, ${images} images of ${side} x ${side}`;
    const name = `convolution ${title}: ${100 * density} % of the gradient against the whole`;
    rows.push(measuredRow({ name, unit: "ms of the processor", ratioMeans: "times as fast" }, [{ ours, peer }]));
  }
  await compiled.release();
  await sampled.release();
  return rows;
}

async function leastProcessorTime(work: () => Promise<void> | void): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < runs; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
