import { expect, test } from "vitest";
import { plainTable } from "./plain-table.js";

const table = {
  headings: ["optimizer", "accuracy", "mean l2 shift"],
  rows: [
    ["nanoadam", "0.8125 ± 0.0100", "0.0354"],
    ["adamw", "0.7500", "0.0345"],
  ],
};

test("a table is as it is where it fits, else turned, else a row beneath the other", () => {
  expect(plainTable(table, 80).split("\n")).toEqual([
    "optimizer         accuracy  mean l2 shift",
    "nanoadam   0.8125 ± 0.0100         0.0354",
    "adamw               0.7500         0.0345",
    "",
  ]);
  expect(plainTable(table, 40).split("\n")).toEqual([
    "optimizer             nanoadam   adamw",
    "accuracy       0.8125 ± 0.0100  0.7500",
    "mean l2 shift           0.0354  0.0345",
    "",
  ]);
  expect(plainTable(table, 36).split("\n")).toEqual([
    "nanoadam",
    "  accuracy       0.8125 ± 0.0100",
    "  mean l2 shift           0.0354",
    "adamw",
    "  accuracy       0.7500",
    "  mean l2 shift  0.0345",
    "",
  ]);
});
