import { describe, expect, test } from "vitest";
import { unfitColumns, unfitLoss } from "./columns.js";
import { taskKind } from "./registry.js";

const columns = (task: string, options: { text?: string[]; label?: string[] }) => [
  ...unfitColumns(taskKind(task), options),
];

describe("a task's options", () => {
  test("name no more columns than it takes", () => {
    expect(columns("classification", { text: ["a", "b"], label: ["c"] })).toEqual([]);
    expect(columns("regression", { text: ["a"], label: ["b", "c"] })).toEqual([
      ["label", "is one column for regression"],
    ]);
    expect(columns("classification", { text: ["a", "b", "c"], label: ["d"] })).toEqual([
      ["text", "is at most 2 columns for classification"],
    ]);
    expect(columns("masked-lm", { text: ["a", "b"] })).toEqual([["text", "is one column for masked-lm"]]);
    expect(columns("token-classification", {})).toEqual([]);
    expect(columns("multi-label", { text: ["a"], label: ["b", "c", "d"] })).toEqual([]);
  });

  test("have no part in the loss that it does not know", () => {
    const loss = (task: string) => [...unfitLoss(taskKind(task), { labelSmoothing: 0.1, classWeights: "balanced" })];
    expect(loss("classification")).toEqual([]);
    expect(loss("multi-label")).toEqual([
      ["labelSmoothing", "cannot go with multi-label"],
      ["classWeights", "cannot go with multi-label"],
    ]);
    expect([...unfitLoss(taskKind("regression"), { labelSmoothing: 0, classWeights: "none" })]).toEqual([]);
  });
});
