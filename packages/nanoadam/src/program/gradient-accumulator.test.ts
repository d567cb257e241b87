import { createAdamW, createNanoAdam, gatherEntries, type Optimizer } from "@nanoadam/optim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParameterSpecification } from "../models/parameters.js";
import { GradientAccumulator } from "./gradient-accumulator.js";
import type { Gradient, ParameterGradient } from "./gradient-form.js";

function parameterOf(rows: number, columns: number): ParameterSpecification {
  return { name: "w", shape: [rows, columns], role: "weight", initialisation: { kind: "constant", value: 0 } };
}

function optimizerOver(
  values: Float32Array,
  { shape }: ParameterSpecification,
  density?: number,
  chunkSize = 32768,
): Optimizer {
  const parameters = [{ name: "w", shape, values }];
  const optimizer =
    density === undefined
      ? createAdamW({ parameters })
      : createNanoAdam({ parameters, density, maskInterval: 1, totalSteps: 10, chunkSize });
  optimizer.prepare();
  return optimizer;
}

/** The gradient of "w", whole. */
function dense(...values: number[]): ParameterGradient[] {
  return [{ parameterName: "w", parts: [{ form: "dense", values: Float32Array.from(values) }] }];
}

/** Parts of a gradient and the whole tensor that they add up to. Whole numbers, so that sums are exact. */
const anyGradient = fc
  .record({ rows: fc.integer({ min: 1, max: 40 }), columns: fc.integer({ min: 1, max: 30 }) })
  .chain(({ rows, columns }) => {
    const number = fc.integer({ min: -50, max: 50 });
    const floats = (length: number) =>
      fc.array(number, { minLength: length, maxLength: length }).map(Float32Array.from.bind(Float32Array));
    const whole = floats(rows * columns).map((values): Gradient => ({ form: "dense", values }));
    // A row may occur more than once, as a token does in a batch.
    const someRows = fc
      .array(fc.nat(rows - 1), { maxLength: 12 })
      .chain((indices) =>
        floats(indices.length * columns).map(
          (values): Gradient => ({ form: "rows", indices: Int32Array.from(indices), values }),
        ),
      );
    const product = fc
      .integer({ min: 1, max: 9 })
      .chain((tokens) =>
        fc
          .tuple(floats(tokens * rows), floats(tokens * columns))
          .map(([left, right]): Gradient => ({ form: "product", left, right })),
      );
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      weights: floats(rows * columns),
      parts: fc.array(fc.oneof(whole, someRows, product), { maxLength: 4 }),
      density: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true }), { nil: undefined }),
      chunkSize: fc.integer({ min: 1, max: 100 }),
    });
  });

function wholeSum(parts: readonly Gradient[], rows: number, columns: number): Float32Array {
  const whole = new Float32Array(rows * columns);
  const addTo = (entry: number, value: number | undefined) => {
    whole[entry] = (whole[entry] ?? 0) + (value ?? 0);
  };
  for (const part of parts) {
    if (part.form === "dense") for (const [entry, value] of part.values.entries()) addTo(entry, value);
    if (part.form === "product") {
      for (let token = 0; token < part.left.length / rows; token++) {
        for (let entry = 0; entry < rows * columns; entry++) {
          const left = part.left[token * rows + Math.floor(entry / columns)] ?? 0;
          addTo(entry, left * (part.right[token * columns + (entry % columns)] ?? 0));
        }
      }
    }
    if (part.form !== "rows") continue;
    part.indices.forEach((row, place) => {
      for (let column = 0; column < columns; column++)
        addTo(row * columns + column, part.values[place * columns + column]);
    });
  }
  return whole;
}

describe("gathered gradients", () => {
  test("rows, factors and whole tensors, packed as they come, are what would be gathered from the whole sum", () => {
    fc.assert(
      fc.property(anyGradient, ({ rows, columns, weights, parts: any, density, chunkSize }) => {
        // Whole gradients never come as factors.
        const parts = any.filter(({ form }) => density !== undefined || form !== "product");
        const parameter = parameterOf(rows, columns);
        const optimizer = optimizerOver(weights, parameter, density, chunkSize);
        const accumulator = new GradientAccumulator([parameter]);
        accumulator.begin(optimizer);
        for (const part of parts) accumulator.add([{ parameterName: "w", parts: [part] }]);
        const whole = wholeSum(parts, rows, columns);
        const need = optimizer.need("w");
        const expected = need.kind === "entries" ? gatherEntries(whole, need.selection) : whole;
        expect(accumulator.sums().get("w")).toEqual(expected);
        expect(accumulator.norm()).toBeCloseTo(Math.hypot(...expected), 6);
      }),
      { numRuns: 300 },
    );
  });

  test("start from zero at every step, whatever the step before left", () => {
    const parameter = parameterOf(2, 2);
    const optimizer = optimizerOver(new Float32Array(4), parameter);
    const accumulator = new GradientAccumulator([parameter]);
    for (let step = 0; step < 2; step++) {
      accumulator.begin(optimizer);
      expect([...(accumulator.sums().get("w") ?? [])]).toEqual([0, 0, 0, 0]);
      for (const times of [1, 2]) {
        accumulator.add(dense(1, 2, 3, 4));
        expect([...(accumulator.sums().get("w") ?? [])]).toEqual([1, 2, 3, 4].map((value) => times * value));
      }
    }
    accumulator.begin(optimizer);
    accumulator.add(dense(5, 6, 7, 8));
    expect([...(accumulator.sums().get("w") ?? [])]).toEqual([5, 6, 7, 8]);
  });

  test("of products with one right factor are those of each, with the factor as it is in every stage", () => {
    const [names, rows, columns, tokens] = [["query", "key", "value", "output"], 4, 3, 5];
    const parameters = names.map((name) => ({ ...parameterOf(rows, columns), name }));
    const optimizer = createNanoAdam({
      parameters: parameters.map(({ name, shape }) => ({ name, shape, values: new Float32Array(rows * columns) })),
      density: 1,
      maskInterval: 1,
      totalSteps: 10,
    });
    optimizer.prepare();
    const accumulator = new GradientAccumulator(parameters);
    accumulator.begin(optimizer);
    const numbers = (length: number, first: number) => Float32Array.from({ length }, (_, index) => first + index);
    const [hidden, mixed] = [numbers(tokens * columns, 1), numbers(tokens * columns, 2)];
    const gradients = names.map((parameterName, place) => {
      const right = parameterName === "output" ? mixed : hidden;
      const parts: Gradient[] = [{ form: "product", left: numbers(tokens * rows, -place), right }];
      return { parameterName, parts };
    });
    const expected = names.map(() => new Float32Array(rows * columns));
    for (let stage = 0; stage < 2; stage++) {
      accumulator.add(gradients);
      for (const [place, { parameterName, parts }] of gradients.entries()) {
        const added = wholeSum(parts, rows, columns);
        expected[place] = (expected[place] ?? added).map((value, entry) => value + (added[entry] ?? 0));
        expect(accumulator.sums().get(parameterName)).toEqual(expected[place]);
      }
      hidden.reverse();
    }
  });

  test("are clipped by scaling all of them", () => {
    const parameter = parameterOf(1, 2);
    const accumulator = new GradientAccumulator([parameter]);
    accumulator.begin(optimizerOver(new Float32Array(2), parameter));
    accumulator.add(dense(3, 4));
    expect(accumulator.norm()).toBe(5);
    accumulator.scale(0.5);
    expect([...(accumulator.sums().get("w") ?? [])]).toEqual([1.5, 2]);
  });

  test("of parameters that nobody asked for are dropped, and factors are refused", () => {
    const parameter = parameterOf(1, 1);
    const accumulator = new GradientAccumulator([parameter]);
    accumulator.begin(optimizerOver(new Float32Array(1), parameter));
    accumulator.add([{ parameterName: "other", parts: [{ form: "dense", values: Float32Array.of(1) }] }]);
    expect([...accumulator.sums().keys()]).toEqual(["w"]);
    const one = Float32Array.of(1);
    const product: Gradient = { form: "product", left: one, right: one };
    expect(() => accumulator.add([{ parameterName: "w", parts: [product] }])).toThrow(/were not asked for/);
  });
});
