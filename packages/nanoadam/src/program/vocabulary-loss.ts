/**
 * Cross-entropy over a vocabulary whose columns come in pieces. Of a row it takes the logarithm of its summed exponentials and its
 * label's logit; the first comes together from those of the pieces, in float64, and the second is in one of them. The loss's
 * gradient of a piece is, in each row, the piece's share of the exponentials times its softmax, and -1 for the label's logit where
 * it is there. What touches every logit runs on the engine; the labels are a few numbers a row.
 */
import {
  type CompiledFunction,
  input,
  logSumExp,
  multiply,
  type Runtime,
  softmax,
  type TensorType,
  tensorFunction,
} from "@nanoadam/engine";
import type { LogitColumns } from "../tasks/task.js";

/** Names of the tensors of a piece's functions; `gradient` is the name that the head's derivative has for it. */
export const pieceTensors = {
  logits: "logits",
  softmax: "softmax",
  logSum: "log_sum",
  rowFactor: "row_factor",
  gradient: "cotangent.logits",
} as const;

/** The functions of a piece's logits. */
export interface PieceFunctions {
  /** To the logarithm of each row's summed exponentials, and while training to their softmax. */
  readonly judge: CompiledFunction;
  /** From their softmax to their gradient but for the labels' part: times a factor of each row. Absent but while training. */
  readonly gradient: CompiledFunction | undefined;
}

/** @param type of the logits, [rows, columns] */
export async function compilePieceFunctions(
  runtime: Runtime,
  type: TensorType,
  isTraining: boolean,
): Promise<PieceFunctions> {
  const logits = input("float32", type.shape);
  const shares = softmax(logits);
  const judge = await runtime.compile(
    tensorFunction(
      "vocabulary_softmax",
      [{ name: pieceTensors.logits, value: logits }],
      [
        { name: pieceTensors.logSum, value: logSumExp(logits, shares) },
        ...(isTraining ? [{ name: pieceTensors.softmax, value: shares }] : []),
      ],
    ),
  );
  if (!isTraining) return { judge, gradient: undefined };
  const given = { name: pieceTensors.softmax, value: input("float32", type.shape) };
  const factor = { name: pieceTensors.rowFactor, value: input("float32", [type.shape[0] ?? 1, 1]) };
  const product = { name: pieceTensors.gradient, value: multiply(given.value, factor.value) };
  try {
    const gradient = await runtime.compile(tensorFunction("vocabulary_gradient", [given, factor], [product]));
    return { judge, gradient };
  } catch (error) {
    await judge.release();
    throw error;
  }
}

/** A piece and what it has for each row. */
export interface PieceOfRows {
  readonly columns: LogitColumns;
  /** [rows, columns] */
  readonly logits: Float32Array;
  readonly logSum: Float32Array;
}

/** What the gradient of a piece is made of. */
export interface PieceGradient {
  /** To be written before the gradient runs. */
  readonly rowFactor: Float32Array;
  /** To be completed after it has run, [rows, columns]. */
  readonly gradient: Float32Array;
}

export class VocabularyLoss {
  readonly #labels: Int32Array;
  readonly #rowWeights: Float32Array;
  readonly #logSums: Float64Array;
  #sum = 0;

  /** @param rowWeights one for each row, as the labels */
  constructor(labels: Int32Array, rowWeights: Float32Array) {
    this.#labels = labels;
    this.#rowWeights = rowWeights;
    this.#logSums = new Float64Array(labels.length);
  }

  /** Starts anew: no piece has come. */
  begin(): void {
    this.#logSums.fill(Number.NEGATIVE_INFINITY);
    this.#sum = 0;
  }

  add({ columns, logits, logSum }: PieceOfRows): void {
    for (let row = 0; row < logSum.length; row++) {
      const [known, own] = [this.#logSums[row] as number, logSum[row] as number];
      const [high, low] = known > own ? [known, own] : [own, known];
      this.#logSums[row] = high + Math.log1p(Math.exp(low - high));
      const place = this.#placeOfLabel(row, columns);
      if (place !== undefined) this.#sum -= (this.#rowWeights[row] as number) * (logits[place] as number);
    }
  }

  /** The loss summed over the rows, once all pieces have come. */
  total(): number {
    return this.#rowWeights.reduce((sum, weight, row) => sum + weight * (this.#logSums[row] as number), this.#sum);
  }

  /** Writes the factors of a piece's softmax in the gradient of the loss times `factor`, once all pieces have come. */
  writeRowFactors({ logSum }: PieceOfRows, { rowFactor }: PieceGradient, factor: number): void {
    for (let row = 0; row < logSum.length; row++) {
      const share = Math.exp((logSum[row] as number) - (this.#logSums[row] as number));
      rowFactor[row] = factor * (this.#rowWeights[row] as number) * share;
    }
  }

  /** Adds the labels' part to the gradient of a piece. */
  addLabels({ columns }: PieceOfRows, { gradient }: PieceGradient, factor: number): void {
    for (let row = 0; row < this.#labels.length; row++) {
      const place = this.#placeOfLabel(row, columns);
      if (place === undefined) continue;
      gradient[place] = (gradient[place] as number) - factor * (this.#rowWeights[row] as number);
    }
  }

  /** Where a row's label is among the entries of a piece. */
  #placeOfLabel(row: number, { from, to }: LogitColumns): number | undefined {
    const label = this.#labels[row] as number;
    return label >= from && label < to ? row * (to - from) + label - from : undefined;
  }
}
