/** Predictions for every row of a file, written to another beside what the rows have. */
import { realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { openModelFolder } from "../checkpoint/adapter.js";
import { type RowValues, rowValuesOf } from "../data/row-values.js";
import { freeColumn, rowFormatOf } from "../data/tables/write-rows.js";
import { requireWritable } from "../files/output-file.js";
import { sweepOwned } from "../files/recover.js";
import { replaceFile } from "../files/write-file.js";
import { parseOptions } from "../options/parse-options.js";
import { type PredictFileInput, predictFileSchema } from "../options/saved-model-options.js";
import { type PredictControl, type PredictionContext, predictInBlocks } from "./predict.js";

/**
 * Writes all columns of a file in their order, and after them what is predicted; the file is there whole or not at all.
 * Columns of predictions that would bear the name of another are called `predicted_...`. Gives the number of rows.
 * @throws InputError for anything wrong with options, model or data, and for an output file that may not be written.
 * @throws AbortError once the signal is aborted; nothing is written.
 */
export async function predictFile(input: PredictFileInput, control: PredictControl = {}): Promise<number> {
  const { output, overwrite, ...options } = parseOptions(predictFileSchema, input);
  const format = rowFormatOf(output);
  await requireWritable(output, {
    overwrite,
    inputs: {
      data: options.data === "-" ? undefined : options.data,
      model: await modelFolders(options.model),
    },
  });
  await sweepOwned(dirname(resolve(output)), basename(output), control.onNotice);
  let rows = 0;
  // What a link leads to is replaced, and not the link.
  const target = await realpath(output).catch(() => output);
  await replaceFile(target, async (file) => {
    let own: RowValues | undefined;
    await predictInBlocks(
      options,
      async ({ first, predictions }, context) => {
        const isFirst = own === undefined;
        own ??= await ownColumns(context);
        const { columns, values } = own;
        const lines = predictions.map((prediction, place) => {
          const predicted = context.predictor.columns(prediction);
          const names = Object.keys(predicted).map((name) => freeColumn(name, columns));
          const all = [...columns, ...names];
          const head = isFirst && place === 0 ? format.header(all) : "";
          return head + format.row(all, [...values(first + place), ...Object.values(predicted)]);
        });
        rows += predictions.length;
        await file.writeFile(lines.join(""));
      },
      control,
    );
  });
  return rows;
}

/** The model's folder, and that of an adapter's base. */
async function modelFolders(folder: string): Promise<readonly string[]> {
  const checkpoint = await openModelFolder(folder);
  await checkpoint.close();
  return checkpoint.folders;
}

/** What the rows have themselves; lines of words with tags are no table, and have their words as a text. */
async function ownColumns({ source, texts, areImages }: PredictionContext): Promise<RowValues> {
  if (areImages) return { columns: ["image"], values: (row) => [texts[row]?.text] };
  if (source !== undefined && !/\.(conll|iob)$/i.test(source.file)) return rowValuesOf(source);
  return { columns: ["text"], values: (row) => [texts[row]?.text] };
}
