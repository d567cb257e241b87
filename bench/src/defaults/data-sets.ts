/** The data sets that default settings are tried on: of 100 to 5,000 rows, short and long, easy and hard. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FinetuneInput } from "nanoadam";

export interface DataSet {
  readonly name: string;
  /** The metric that counts, from 0 to 1. */
  readonly metric: "accuracy" | "pearson";
  readonly seeds: readonly number[];
  /** Of the grid: small data are passed over more often. */
  readonly epochs: readonly number[];
  readonly options: Omit<FinetuneInput, "model" | "output">;
}

export interface EncoderModel {
  readonly name: string;
  readonly folder: string;
}

const own = fileURLToPath(new URL("../../data/", import.meta.url));
const demo = fileURLToPath(new URL("../../../packages/nanoadam/assets/demo/", import.meta.url));

export function encoderModels(shared: string): EncoderModel[] {
  return [
    { name: "demo encoder", folder: join(demo, "encoder") },
    { name: "minibert", folder: join(shared, "data/models/minibert") },
  ];
}

/** Small ones hold out more rows, and are trained with several seeds, so that what is measured is not chance alone. */
export function dataSets(shared: string): DataSet[] {
  const glue = (task: string) => ({
    train: join(shared, `data/glue/${task}/train.tsv`),
    eval: join(shared, `data/glue/${task}/validation.tsv`),
  });
  return [
    {
      name: "repairs, 120 rows",
      metric: "accuracy",
      seeds: [1, 2, 3],
      epochs: [3, 10],
      options: { train: join(own, "repairs.csv"), text: "text", label: "label", evalShare: 0.3 },
    },
    {
      name: "questions, 400 rows",
      metric: "accuracy",
      seeds: [1, 2, 3],
      epochs: [3, 10],
      options: { train: join(own, "questions.csv"), text: "text", label: "label", evalShare: 0.3 },
    },
    {
      name: "messages, 1,296 rows",
      metric: "accuracy",
      seeds: [1],
      epochs: [3],
      options: { train: join(demo, "messages.tsv"), text: "text", label: "intent", evalShare: 0.25, maxLength: 64 },
    },
    {
      name: "IMDB, 1,000 rows",
      metric: "accuracy",
      seeds: [1],
      epochs: [3],
      options: {
        train: join(shared, "data/imdb/train.jsonl"),
        eval: join(shared, "data/imdb/test.jsonl"),
        text: "text",
        label: "label",
        limitTrain: 1000,
        maxLength: 64,
      },
    },
    {
      name: "SST-2, 2,000 rows",
      metric: "accuracy",
      seeds: [1],
      epochs: [3],
      options: { ...glue("sst2"), text: "sentence", label: "label", limitTrain: 2000, maxLength: 64 },
    },
    {
      name: "STS-B, 2,000 rows",
      metric: "pearson",
      seeds: [1],
      epochs: [3],
      options: {
        ...glue("stsb"),
        task: "regression",
        text: ["sentence1", "sentence2"],
        label: "score",
        limitTrain: 2000,
        maxLength: 64,
      },
    },
  ];
}
