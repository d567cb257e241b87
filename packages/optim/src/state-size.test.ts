/** Bytes of optimizer state against the formulas of docs/method.md, section 6: S parameters, and a fraction k of them. */

import { expect, it } from "vitest";
import { toBfloat16 } from "./bfloat16.js";
import {
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoAdam,
  createNanoLion,
  createNanoSgd,
  createSgd,
  type Optimizer,
  type Parameter,
  takeStep,
} from "./index.js";

const S = 2 ** 20;
const k = 1 / 64;
const chunks = 32;
const weight = (): Parameter => ({
  name: "weight",
  shape: [1024, 1024],
  values: Float32Array.from({ length: S }, (_, index) => Math.sin(index + 1)),
});
const nanoAdam = { density: k, maskInterval: 1, totalSteps: 1 } as const;

const cases: readonly (readonly [string, (parameters: readonly Parameter[]) => Optimizer, number])[] = [
  ["AdamW: 4S in bfloat16, so 8S in float32", (parameters) => createAdamW({ parameters }), 8 * S],
  [
    "AdamW-8bit: 2S, and two scales a block of 256",
    (parameters) => createAdamW8bit({ parameters }),
    2 * S + (8 * S) / 256,
  ],
  [
    "MicroAdam: 0.5S + 4mkS, and two ends of a range per bucket of 64",
    (parameters) => createMicroAdam({ parameters, window: 10, density: k, blockSize: 16_384 }),
    0.5 * S + 4 * 10 * k * S + (8 * S) / 64,
  ],
  [
    "NanoAdam with bfloat16 states: 4kS + 2kS of indices, and where each chunk starts",
    (parameters) => createNanoAdam({ parameters, ...nanoAdam, stateType: "bfloat16", biasCorrection: "global" }),
    4 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoAdam with float32 states: 8kS + 2kS",
    (parameters) => createNanoAdam({ parameters, ...nanoAdam, biasCorrection: "global" }),
    8 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoAdam with each entry's age: 2kS more",
    (parameters) => createNanoAdam({ parameters, ...nanoAdam, biasCorrection: "entry" }),
    8 * k * S + 2 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoAdam on bfloat16 weights: 2kS more for what the selected have beyond it",
    ([weight]) => {
      const { name, shape, values } = weight as Parameter;
      const stored = { name, shape, values: Uint16Array.from(values, toBfloat16) };
      return createNanoAdam({ parameters: [stored], ...nanoAdam, stateType: "bfloat16", biasCorrection: "global" });
    },
    4 * k * S + 2 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoSGD: 4kS of momentum, 2kS of indices",
    (parameters) => createNanoSgd({ parameters, ...nanoAdam }),
    4 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoSGD without momentum: indices alone",
    (parameters) => createNanoSgd({ parameters, ...nanoAdam, momentum: 0 }),
    2 * k * S + 4 * (chunks + 1),
  ],
  [
    "NanoLion: as NanoSGD",
    (parameters) => createNanoLion({ parameters, ...nanoAdam }),
    4 * k * S + 2 * k * S + 4 * (chunks + 1),
  ],
  [
    "GaLore: three arrays of rank times a side",
    (parameters) => createGaLore({ parameters, rank: 4 }),
    3 * 4 * 4 * 1024,
  ],
  ["SGD: one float32 an entry", (parameters) => createSgd({ parameters }), 4 * S],
];

it.each(cases)("%s", (_, create, bytes) => {
  const parameters = [weight()];
  const optimizer = create(parameters);
  takeStep(optimizer, new Map([["weight", new Float32Array(S).fill(0.1)]]), 1e-3);
  expect(optimizer.stateBytes()).toBe(bytes);
});
