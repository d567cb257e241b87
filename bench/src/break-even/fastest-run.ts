/** How far the second fastest run may be from the fastest for both to be believed. */
const agreement = 1.02;

/** Times something again and again and keeps the fastest, which other work on the machine disturbs least. */
export class FastestRun {
  readonly #run: () => Promise<void> | void;
  readonly #now: () => number;
  #fastest = Number.POSITIVE_INFINITY;
  #second = Number.POSITIVE_INFINITY;

  /** @param now the time in milliseconds */
  constructor(run: () => Promise<void> | void, now = () => performance.now()) {
    this.#run = run;
    this.#now = now;
  }

  /** Of the fastest run so far; infinite before the first. */
  get milliseconds(): number {
    return this.#fastest;
  }

  /** Whether another run took as long as the fastest, within 2 %. */
  get isConfirmed(): boolean {
    return this.#second <= agreement * this.#fastest;
  }

  async time(): Promise<void> {
    const before = this.#now();
    await this.#run();
    const milliseconds = this.#now() - before;
    this.#second = Math.min(this.#second, Math.max(this.#fastest, milliseconds));
    this.#fastest = Math.min(this.#fastest, milliseconds);
  }
}
