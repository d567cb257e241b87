import { describe, expect, test } from "vitest";
import { imageProcessor } from "./image-processor.js";

const image = (width: number, height: number, value = 100) => ({
  width,
  height,
  pixels: new Uint8Array(width * height * 3).fill(value),
});
const made = (config: object) => imageProcessor({ image_processor_type: "ViTImageProcessor", ...config }, "p.json");

describe("the size of what comes out", () => {
  test.each([
    ["both sides", { size: { height: 4, width: 6 } }, [4, 6]],
    ["one number", { size: 5 }, [5, 5]],
    ["the middle of a larger one", { image_processor_type: "DeiTImageProcessor", size: 8, crop_size: 6 }, [6, 6]],
    [
      "a share of the shorter edge",
      { image_processor_type: "ConvNextImageProcessor", size: { shortest_edge: 7 } },
      [7, 7],
    ],
    [
      "large, by ConvNeXT's processor",
      { image_processor_type: "ConvNextImageProcessor", size: { shortest_edge: 384 } },
      [384, 384],
    ],
  ] as const)("%s", (_name, config, [height, width]) => {
    const processor = made(config);
    expect([processor.height, processor.width]).toEqual([height, width]);
    expect(processor.fit(image(30, 11))).toMatchObject({ height, width });
    expect(processor.fit(image(1, 1))).toMatchObject({ height, width });
  });
});

test("pixels become numbers by mean and deviation, channel after channel", () => {
  const processor = made({ size: 1, image_mean: [0, 0.5, 1], image_std: [1, 0.5, 2], rescale_factor: 0.01 });
  const numbers = processor.numbers({ width: 1, height: 1, pixels: Uint8Array.of(10, 20, 30) });
  expect([...numbers].map((value) => Math.round(1e6 * value) / 1e6)).toEqual([0.1, -0.6, -0.35]);
});

test.each(["ViT", "DeiT", "ConvNext"])("a %s processor that says nothing of means brings pixels to -1 to 1", (kind) => {
  const processor = made({
    image_processor_type: `${kind}ImageProcessor`,
    size: { shortest_edge: 1 },
    crop_size: 1,
    do_center_crop: true,
  });
  const of = (value: number) => [...processor.numbers({ width: 1, height: 1, pixels: new Uint8Array(3).fill(value) })];
  expect([of(0), of(255)]).toEqual([
    [-1, -1, -1],
    [1, 1, 1],
  ]);
});

test("what it cannot follow is refused by name", () => {
  expect(() => made({ image_processor_type: "CLIPImageProcessor" })).toThrow(
    'p.json: image_processor_type is "CLIPImageProcessor", expected one of ViTImageProcessor',
  );
  expect(() => made({ resample: 9 })).toThrow("p.json: resample: expected one of 0, 1, 2, 3, 4, 5");
  expect(() => made({ size: { shortest_edge: 9 } })).toThrow("leave images of different sizes");
});
