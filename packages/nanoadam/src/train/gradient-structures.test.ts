import type { GradientNeed } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { acceptedStructures } from "./gradient-structures.js";

/** A need of `count` entries of a hundred. */
const entries = (count: number): GradientNeed => ({
  kind: "entries",
  selection: {
    length: 100,
    chunkSize: 100,
    count,
    starts: Uint32Array.of(0, count),
    offsets: Uint16Array.from({ length: count }, (_, index) => index),
  },
});

test("a gradient is taken as factors where a selection is no denser than the bound, and whole otherwise", () => {
  expect(acceptedStructures(entries(10), 0.1)).toEqual(["product"]);
  expect(acceptedStructures(entries(11), 0.1)).toEqual([]);
  expect(acceptedStructures(entries(100), 1)).toEqual(["product"]);
  expect(acceptedStructures(entries(1), 0)).toEqual([]);
  expect(acceptedStructures({ kind: "whole" }, 1)).toEqual([]);
  expect(acceptedStructures({ kind: "nothing" }, 1)).toBeUndefined();
});
