import { convolution, derive, type ImageFactors, input, tensorFunction } from "@nanoadam/engine";
import { expect, test } from "vitest";
import { isFasterSampled } from "./gradient-form.js";

/** The factors of the gradient of a weight [outputs, inputs, kernel, kernel], for eight images of so many pixels a side. */
function factors([outputs = 0, inputs = 0, kernel = 1]: readonly number[], side: number, stride = 1): ImageFactors {
  const [image, weight] = [
    input("float32", [8, inputs, side, side]),
    input("float32", [outputs, inputs, kernel, kernel]),
  ];
  const y = convolution(image, weight, undefined, { stride, padding: Math.floor(kernel / 2) });
  const named = Object.entries({ image, weight }).map(([name, value]) => ({ name, value }));
  const layer = tensorFunction("layer", named, [{ name: "y", value: y }]);
  const { gradients } = derive(layer, { outputs: ["y"], inputs: new Map([["weight", ["product"]]]) });
  const [part] = gradients.get("weight") ?? [];
  if (part?.kind !== "product" || part.images === undefined) throw new Error("the gradient is no product of images");
  return part.images;
}

// What was measured of each, as times as fast as the whole gradient at 1 % and at 10 %.
test.each([
  { weight: [64, 64, 1], side: 56, faster: false, measured: [0.7, 0.44] },
  { weight: [256, 64, 1], side: 56, faster: false, measured: [0.56, 0.35] },
  { weight: [64, 256, 1], side: 56, faster: false, measured: [0.69, 0.48] },
  { weight: [128, 512, 1], side: 28, faster: false, measured: [0.95, 0.59] },
  { weight: [256, 1024, 1], side: 14, faster: true, measured: [3.89, 1.13] },
  { weight: [2048, 512, 1], side: 7, faster: true, measured: [2.99, 1.4] },
  { weight: [512, 256, 1], side: 56, stride: 2, faster: false, measured: [1.29, 0.95] },
  { weight: [64, 64, 3], side: 56, faster: true, measured: [5.2, 1.77] },
  { weight: [512, 512, 3], side: 7, faster: true, measured: [10.83, 1.62] },
  { weight: [64, 3, 7], side: 224, stride: 2, faster: true, measured: [3.55, 1.39] },
])("weights $weight of images $side a side, stride $stride: $faster", ({ weight, side, stride, faster }) => {
  expect(isFasterSampled(weight, factors(weight, side, stride))).toBe(faster);
});
