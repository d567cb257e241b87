import fc from "fast-check";
import { expect, test } from "vitest";
import { addDifferences, changedPositions, encodeDifferences, unitsOf } from "./differences.js";
import { decodePositions, encodePositions } from "./positions.js";

test("rising positions come back, and nothing else does", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(4_000_000_000)), (drawn) => {
      const positions = Uint32Array.from(drawn).sort();
      const bytes = encodePositions(positions);
      const end = (positions.at(-1) ?? 0) + 1;
      expect(decodePositions(bytes, positions.length, end)).toEqual(positions);
      if (positions.length === 0) return;
      expect(decodePositions(bytes, positions.length, end - 1)).toBeUndefined();
      expect(decodePositions(bytes, positions.length + 1, 2 ** 32)).toBeUndefined();
      expect(decodePositions(bytes, positions.length - 1, 2 ** 32)).toBeUndefined();
      expect(decodePositions(bytes.subarray(0, -1), positions.length, 2 ** 32)).toBeUndefined();
    }),
  );
});

test("any bytes are positions or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(20), (bytes, count) => {
      const positions = decodePositions(bytes, count, 1000);
      expect(positions === undefined || positions.every((position) => position < 1000)).toBe(true);
    }),
  );
});

const pairs = fc
  .integer({ min: 0, max: 64 })
  .chain((length) =>
    fc.tuple(
      fc.uint8Array({ minLength: 4 * length, maxLength: 4 * length }),
      fc.uint8Array({ minLength: 4 * length, maxLength: 4 * length }),
    ),
  );

test.each([1, 2, 4, 8])("differences of entries of %d bytes give every bit back", (width) => {
  fc.assert(
    fc.property(pairs, fc.boolean(), ([first, second], areFew) => {
      const even = first.length - (first.length % 8);
      // Half of the second's bytes are the first's, so that some entries are the same.
      const after = second.slice(0, even).map((byte, i) => (i % 16 < 8 ? byte : (first[i] ?? 0)));
      const [before, wanted] = [unitsOf(first.slice(0, even), width), unitsOf(after, width)];
      const positions = areFew ? changedPositions(before, wanted) : undefined;
      const planes = encodeDifferences(before, wanted, positions);
      addDifferences(before, planes, positions);
      expect(before).toEqual(wanted);
    }),
  );
});
