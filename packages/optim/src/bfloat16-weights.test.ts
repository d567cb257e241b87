/** NanoAdam on weights that are stored in bfloat16: what the entries that move have beyond it is held beside their states. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBfloat16, toBfloat16 } from "./bfloat16.js";
import {
  createAdamW,
  createNanoAdam,
  type NanoAdamOptions,
  type Optimizer,
  type Parameter,
  selectionIndices,
  takeStep,
  type WeightArray,
} from "./index.js";
import { joinSelected, splitSelected } from "./selected/split-float.js";

const length = 3000;
const halves = () => Uint16Array.from({ length }, (_, index) => toBfloat16(Math.sin(index + 1)));
const wide = (values: Uint16Array) => Float32Array.from(values, fromBfloat16);
const gradientAt = (step: number) => Float32Array.from({ length }, (_, index) => Math.cos(index * (step + 1)));

function parameterOver<Values extends WeightArray>(values: Values): Parameter<Values> {
  return { name: "weight", shape: [values.length], values };
}

function nanoAdam(values: WeightArray, options: Partial<NanoAdamOptions> = {}): Optimizer {
  const parameters = [parameterOver(values)];
  return createNanoAdam({ parameters, density: 0.1, maskInterval: 1000, totalSteps: 1000, chunkSize: 700, ...options });
}

function run(optimizer: Optimizer, from: number, to: number, learningRate: number): void {
  for (let step = from; step < to; step++) {
    takeStep(optimizer, new Map([["weight", gradientAt(step)]]), learningRate);
  }
}

function selected(optimizer: Optimizer): Uint32Array {
  const need = optimizer.need("weight");
  if (need.kind !== "entries") throw new Error("expected a selection");
  return selectionIndices(need.selection);
}

/** The weights in full: halves, and the low bits of the selected ones. */
function inFull(values: Uint16Array, optimizer: Optimizer): Float32Array {
  const full = wide(values);
  const bits = new Uint32Array(full.buffer);
  const lowBits = optimizer.state().tensors.get("weight/low_bits") ?? [];
  selected(optimizer).forEach((entry, index) => {
    bits[entry] = (bits[entry] as number) + (lowBits[index] as number);
  });
  return full;
}

describe("a float32 in two halves", () => {
  it("comes back as it was, and its stored half is as near as a bfloat16 can be", () => {
    const anyNumber = fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 127), max: 2 ** 127 });
    fc.assert(
      fc.property(fc.array(anyNumber, { minLength: 1, maxLength: 20 }), (numbers) => {
        const count = numbers.length;
        const offsets = Uint16Array.from(numbers, (_, index) => index);
        const [stored, lowBits] = [new Uint16Array(count), new Int16Array(count)];
        const values = Float32Array.from(numbers);
        const bits = new Uint32Array(values.buffer);
        splitSelected({ values, bits }, stored, 0, offsets, lowBits, 0, count);
        const joined = joinSelected(stored, 0, count, offsets, lowBits, 0, count);
        expect(joined.bits.slice(0, count)).toEqual(bits);
        for (const [index, value] of values.entries()) {
          const nearest = Math.abs(fromBfloat16(toBfloat16(value)) - value);
          expect(Math.abs(fromBfloat16(stored[index] as number) - value)).toBe(nearest);
        }
      }),
    );
  });
});

describe("NanoAdam on weights in bfloat16", () => {
  it.each([["float32"], ["bfloat16"]] as const)("moves as in float32, bit for bit, states in %s", (stateType) => {
    const values = halves();
    const twin = wide(values);
    const [narrow, full] = [nanoAdam(values, { stateType }), nanoAdam(twin, { stateType })];
    run(narrow, 0, 20, 1e-3);
    run(full, 0, 20, 1e-3);
    expect(inFull(values, narrow)).toEqual(twin);
  });

  it("does not lose steps far smaller than its precision", () => {
    const values = Uint16Array.from({ length }, () => toBfloat16(1));
    const optimizer = nanoAdam(values);
    for (let step = 0; step < 1000; step++) {
      takeStep(optimizer, new Map([["weight", new Float32Array(length).fill(1)]]), 1e-5);
    }
    const weights = wide(values);
    for (const entry of selected(optimizer)) expect(weights[entry]).toBeCloseTo(0.99, 2);
    expect(new Set(weights)).toEqual(new Set([1, fromBfloat16(toBfloat16(0.99))]));
  });

  it("stores every entry rounded to nearest, while it is selected and when it no longer is", () => {
    const values = halves();
    const before = wide(values);
    const optimizer = nanoAdam(values, { maskInterval: 3 });
    const ever = new Set<number>();
    for (let step = 0; step < 12; step++) {
      run(optimizer, step, step + 1, 0.05);
      const full = inFull(values, optimizer);
      const stored = wide(values);
      for (const entry of selected(optimizer)) {
        ever.add(entry);
        expect(Math.abs((full[entry] as number) - (stored[entry] as number))).toBeLessThanOrEqual(
          Math.abs(full[entry] as number) * 2 ** -8,
        );
      }
    }
    expect(ever.size).toBeGreaterThan(selected(optimizer).length);
    const after = wide(values);
    const moved = [...after.keys()].filter((entry) => after[entry] !== before[entry]);
    expect(moved.length).toBeGreaterThan(selected(optimizer).length / 2);
    for (const entry of moved) expect(ever.has(entry)).toBe(true);
  });

  it.each([["carry"], ["reset"]] as const)("chooses by the weights in full, with moments by %s", (stateOnRefresh) => {
    // All alike in bfloat16; the first refresh falls to the lower entries, the second to those that became smaller.
    const values = new Uint16Array(100).fill(toBfloat16(1));
    const parameters = [parameterOver(values)];
    const optimizer = createNanoAdam({
      parameters,
      density: 0.1,
      finalDensity: 0.05,
      densityInterval: 1,
      maskInterval: 1,
      totalSteps: 2,
      stateOnRefresh,
    });
    const gradient = Float32Array.from(values, (_, entry) => (entry === 3 || entry === 7 ? 1 : -1));
    takeStep(optimizer, new Map([["weight", gradient]]), 1e-5);
    expect(new Set(values)).toEqual(new Set([toBfloat16(1)]));
    optimizer.prepare();
    expect([...selected(optimizer)]).toEqual(expect.arrayContaining([3, 7]));
    expect(inFull(values, optimizer)[3]).toBeCloseTo(1 - 1e-5, 7);
  });

  it("goes on from a saved state bit for bit", () => {
    const [values, twin] = [halves(), halves()];
    const options = { maskInterval: 4, finalDensity: 0.05, densityInterval: 6 };
    const [whole, first] = [nanoAdam(values, options), nanoAdam(twin, options)];
    run(whole, 0, 15, 0.01);
    run(first, 0, 9, 0.01);
    const second = nanoAdam(twin, options);
    second.restore(first.state());
    run(second, 9, 15, 0.01);
    expect(twin).toEqual(values);
    expect(second.state()).toEqual(whole.state());
  });

  it("leaves pruned zeros alone", () => {
    const values = halves().map((half, index) => (index % 2 === 0 ? 0 : half));
    run(nanoAdam(values, { skipZeros: true, maskInterval: 2 }), 0, 6, 0.01);
    expect(values.filter((half) => half === 0)).toHaveLength(length / 2);
  });

  it("names a weight that is not finite", () => {
    const values = halves();
    values[1234] = 0x7f80;
    expect(() => nanoAdam(values).prepare()).toThrow('entry 1234 of "weight" is Infinity');
  });

  it("is refused where a tensor is updated whole", () => {
    const parameters = [parameterOver(halves())] as unknown as Parameter[];
    const expected = 'the values of parameter "weight" are Uint16Array; expected a Float32Array';
    expect(() => createAdamW({ parameters })).toThrow(expected);
    expect(() =>
      createNanoAdam({ parameters, dense: ["weight"], maskInterval: 1, totalSteps: 1, density: 0.1 }),
    ).toThrow(expected);
  });
});
