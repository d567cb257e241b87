/** How fast a run goes, and how long it will take. */
export class Pace {
  readonly #now: () => number;
  #started: number;
  #afterFirst: number | undefined;
  #last: number;
  #steps = 0;

  /** Begins to measure; `now` gives milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#started = now();
    this.#last = this.#started;
  }

  /** A step has ended; evaluations since the last one count as its time. */
  step(): void {
    this.#steps++;
    this.#last = this.#now();
    this.#afterFirst ??= this.#last;
  }

  /** Steps in a second; the first one, in which the engine compiles, does not count once there are others. */
  stepsPerSecond(): number {
    const isFirst = this.#afterFirst === undefined || this.#steps < 2;
    const [steps, since] = isFirst ? [this.#steps, this.#started] : [this.#steps - 1, this.#afterFirst ?? 0];
    return (1000 * steps) / Math.max(this.#last - since, 1e-3);
  }
}
