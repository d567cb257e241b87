/**
 * Cross-entropy over a vocabulary whose columns come in pieces. Of a row it takes the logarithm of its summed exponentials and its
 * label's logit; the first comes together from those of the pieces, in float64, and the second is in one of them. The loss's
 * gradient of a piece is, in each row, the piece's share of the exponentials, and -1 for the label's logit where it is there.
 */
import type { LogitColumns } from "../tasks/task.js";

/** What a piece gives for each row. */
export interface PieceOfRows {
  readonly columns: LogitColumns;
  readonly logSum: Float32Array;
  /** The label's logit, where the label is among the columns. */
  readonly labelled: Float32Array;
}

/** The gradients of those, to be written. */
export interface PieceCotangents {
  readonly logSum: Float32Array;
  readonly labelled: Float32Array;
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

  /** Writes the labels as counted from the first of some columns; 0 for those that are not among them. */
  writeLabels({ from, to }: LogitColumns, target: Int32Array): void {
    for (let row = 0; row < target.length; row++) {
      const label = this.#labels[row] as number;
      target[row] = label >= from && label < to ? label - from : 0;
    }
  }

  add({ columns: { from, to }, logSum, labelled }: PieceOfRows): void {
    for (let row = 0; row < logSum.length; row++) {
      const [known, own] = [this.#logSums[row] as number, logSum[row] as number];
      const [high, low] = known > own ? [known, own] : [own, known];
      this.#logSums[row] = high + Math.log1p(Math.exp(low - high));
      const label = this.#labels[row] as number;
      if (label >= from && label < to) this.#sum -= (this.#rowWeights[row] as number) * (labelled[row] as number);
    }
  }

  /** The loss summed over the rows, once all pieces have come. */
  total(): number {
    return this.#rowWeights.reduce((sum, weight, row) => sum + weight * (this.#logSums[row] as number), this.#sum);
  }

  /** Writes the gradients of the loss times `factor`, once all pieces have come. */
  writeCotangents(piece: Omit<PieceOfRows, "labelled">, factor: number, { logSum, labelled }: PieceCotangents): void {
    const { from, to } = piece.columns;
    for (let row = 0; row < logSum.length; row++) {
      const weight = factor * (this.#rowWeights[row] as number);
      const label = this.#labels[row] as number;
      logSum[row] = weight * Math.exp((piece.logSum[row] as number) - (this.#logSums[row] as number));
      labelled[row] = label >= from && label < to ? -weight : 0;
    }
  }
}
