/** The loss as it is told: its exponential moving average, so that single batches do not make it jump. */
const keep = 0.9;

/** Averages the losses of a run; what came long ago counts less and less. */
export class SmoothedLoss {
  /** The average after each step, from the first on. */
  readonly history: number[] = [];
  #sum = 0;
  #weight = 0;

  /** Takes in a step's loss and gives the average. The weights of the average sum to 1 from the first step on. */
  add(loss: number): number {
    this.#sum = keep * this.#sum + (1 - keep) * loss;
    this.#weight = keep * this.#weight + (1 - keep);
    const average = this.#sum / this.#weight;
    this.history.push(average);
    return average;
  }
}
