import picocolors from "picocolors";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { probabilityBars } from "./probability-bars.js";

const colors = picocolors.createColors(false);
const probabilities = { refund: 0.26, delivery: 0.7, cancel_subscription: 0.01, feedback: 0.03 };

test("the most probable labels have bars as long as their shares", () => {
  expect(probabilityBars(probabilities, { columns: 80, colors })).toEqual([
    "  delivery             █████████████████████░░░░░░░░░ 70 %",
    "  refund               ████████░░░░░░░░░░░░░░░░░░░░░░ 26 %",
    "  feedback             █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  3 %",
  ]);
  expect(probabilityBars(probabilities, { columns: 80, colors, most: 9 })).toHaveLength(4);
});

test("they fit any window", () => {
  for (let columns = 24; columns < 120; columns++) {
    for (const line of probabilityBars(probabilities, { columns, colors })) {
      expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  }
});
