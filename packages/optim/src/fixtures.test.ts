/** The optimizers against reference runs made by an independent PyTorch implementation (testing/fixtures/README.md). */

import { describe, expect, it } from "vitest";
import { type Fixture, fixtureFiles, readFixture } from "../../../testing/fixtures.js";
import {
  type BiasCorrection,
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoAdam,
  type Optimizer,
  type Parameter,
  type StateOnRefresh,
  selectionIndices,
  takeStep,
} from "./index.js";

/** Largest difference allowed of any weight. An eight-bit code may fall to its neighbour, so that run may stray further. */
const toleranceOf = (fixture: Fixture) => (fixture.name.startsWith("optimizer_adamw8bit") ? 1e-4 : 1e-5);

interface Hyperparameters {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly density: number;
  readonly final_density?: number | null;
  readonly mask_interval: number;
  readonly density_interval?: number | null;
  readonly total_steps: number;
  readonly chunk_size?: number | null;
  readonly state_on_refresh?: StateOnRefresh;
  readonly bias_correction?: BiasCorrection;
  readonly dense?: readonly string[];
  readonly block_size: number;
  readonly min_8bit_size: number;
  readonly window: number;
  readonly bucket_size: number;
  readonly rank: number;
  readonly update_gap: number;
  readonly scale: number;
}

function createFor(fixture: Fixture, parameters: readonly Parameter[]): Optimizer {
  const settings = fixture.metadata.hyperparameters as Hyperparameters;
  const adam = { parameters, betas: settings.betas, epsilon: settings.eps, weightDecay: settings.weight_decay };
  const kind = fixture.name.replace(/^optimizer_/, "");
  if (kind.startsWith("adamw8bit")) {
    const { block_size: blockSize, min_8bit_size: smallestCoded } = settings;
    return createAdamW8bit({ ...adam, blockSize, smallestCoded });
  }
  if (kind.startsWith("adamw")) return createAdamW(adam);
  if (kind.startsWith("microadam")) {
    const { window, density, block_size: blockSize, bucket_size: bucketSize } = settings;
    return createMicroAdam({ ...adam, window, density, blockSize, bucketSize, valueType: "float32" });
  }
  if (kind.startsWith("galore")) {
    const { rank, update_gap: updateGap, scale } = settings;
    return createGaLore({ ...adam, rank, updateGap, scale });
  }
  return createNanoAdam({
    ...adam,
    dense: settings.dense,
    density: settings.density,
    finalDensity: settings.final_density ?? undefined,
    maskInterval: settings.mask_interval,
    densityInterval: settings.density_interval ?? undefined,
    totalSteps: settings.total_steps,
    chunkSize: settings.chunk_size ?? undefined,
    stateOnRefresh: settings.state_on_refresh,
    biasCorrection: settings.bias_correction,
  });
}

/** The fixture's tensors whose names begin with `prefix.`, by the rest of the name. */
function tensorsUnder(fixture: Fixture, prefix: string) {
  return [...fixture.tensors]
    .filter(([key]) => key.startsWith(`${prefix}.`))
    .map(([key, tensor]) => ({ name: key.slice(prefix.length + 1), ...tensor }));
}

const files = fixtureFiles(/^optimizer_(adamw|nanoadam|microadam|galore).*\.safetensors$/);

describe.skipIf(files.length === 0)("reference runs", () => {
  it.for(files)("%s", (file) => {
    const fixture = readFixture(file);
    const parameters = tensorsUnder(fixture, "param").map(({ name, shape, values }) => ({
      name,
      shape,
      values: Float32Array.from(values),
    }));
    const valuesOf = new Map(parameters.map((parameter) => [parameter.name, parameter.values]));
    const optimizer = createFor(fixture, parameters);
    const { lr } = fixture.metadata.hyperparameters as Hyperparameters;
    let comparedTensors = 0;
    for (let step = 0; step < Number(fixture.metadata.steps); step++) {
      optimizer.prepare();
      for (const { name, values } of tensorsUnder(fixture, `indices${step}`)) {
        const need = optimizer.need(name);
        if (need.kind !== "entries") throw new Error(`${name} is not selected from`);
        expect([...selectionIndices(need.selection)], `indices of ${name} at step ${step}`).toEqual([...values]);
      }
      const gradients = tensorsUnder(fixture, `grad${step}`);
      takeStep(optimizer, new Map(gradients.map(({ name, values }) => [name, Float32Array.from(values)])), lr);
      for (const { name, values } of tensorsUnder(fixture, `expect${step}`)) {
        const expected = Float32Array.from(values);
        const found = valuesOf.get(name) ?? new Float32Array();
        const largestDifference = expected.reduce(
          (largest, value, entry) => Math.max(largest, Math.abs(value - (found[entry] ?? NaN))),
          0,
        );
        expect(found.length).toBe(expected.length);
        expect(largestDifference, `${name} after step ${step}`).toBeLessThan(toleranceOf(fixture));
        comparedTensors++;
      }
    }
    expect(comparedTensors).toBeGreaterThan(0);
  });
});
