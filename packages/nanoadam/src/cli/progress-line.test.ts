import fc from "fast-check";
import picocolors from "picocolors";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { progressLine } from "./progress-line.js";
import { sparkline } from "./sparkline.js";

const plain = picocolors.createColors(false);
const state = {
  done: 0.3,
  fields: [
    ["1m 05s left"],
    ["120/400"],
    ["loss 0.412"],
    ["accuracy 87 % 40 steps ago", "accuracy 87 %"],
    ["rate 2.1e-4"],
    ["3.2 steps/s"],
  ],
  curve: Array.from({ length: 120 }, (_, step) => 1 / (1 + step)),
};

test("what matters less is left out first, and the curve before anything else", () => {
  expect(progressLine(state, 115, plain)).toBe(
    "██████░░░░░░░░░░░░░░  1m 05s left  120/400  loss 0.412  accuracy 87 % 40 steps ago  rate 2.1e-4  3.2 steps/s",
  );
  expect(progressLine(state, 130, plain)).toMatch(/ {2}3\.2 steps\/s {2}█[▁-▇]+$/);
  expect(progressLine(state, 78, plain)).toBe(
    "███░░░░░░░  1m 05s left  120/400  loss 0.412  accuracy 87 % 40 steps ago",
  );
  expect(progressLine(state, 60, plain)).toBe("███░░░░░░░  1m 05s left  120/400  loss 0.412  accuracy 87 %");
  expect(progressLine(state, 38, plain)).toBe("█░░░  1m 05s left  120/400  loss 0.412");
  expect(progressLine(state, 20, plain)).toBe("1m 05s left  120/400");
  expect(progressLine(state, 5, plain)).toBe("");
});

describe("a line of any text", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("学习率 🤗", "ｗｉｄｅ", "e\u0301"));
  const fields = fc.array(fc.array(text, { minLength: 1, maxLength: 3 }), { maxLength: 6 });

  test.each([true, false])("is never wider than the window (colours: %s)", (isColoured) => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        fields,
        fc.array(fc.double()),
        fc.nat(200),
        (done, own, curve, columns) => {
          const line = progressLine({ done, fields: own, curve }, columns, picocolors.createColors(isColoured));
          expect(stringWidth(line)).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });
});

test("a sparkline goes from the least to the greatest, and ends with the newest", () => {
  expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([8, 8, 1, 1], 2)).toBe("█▁");
  expect(sparkline([3, 3], 20)).toBe("▁▁");
});
