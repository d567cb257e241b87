import { type Environment, fitted, type OutputStream, type Terminal, terminalOf } from "./terminal.js";

export interface StatusLineOptions {
  readonly stream: OutputStream;
  readonly environment?: Environment;
  /** Milliseconds; the process's clock unless a test has its own. */
  readonly now?: () => number;
}

/** Draws the line for a window of so many columns, of which it may fill all. */
export type DrawLine = (columns: number) => string;

const eraseLine = "\r\u001b[2K";
const millisecondsBetweenDrawings = 80;

/**
 * The last line of a terminal, drawn again as work goes on. Whatever else is printed goes above it. Where there is no
 * terminal, messages are plain lines and nothing is drawn. The cursor is never hidden, so that there is nothing to
 * restore however the process ends.
 */
export class StatusLine {
  readonly terminal: Terminal;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  #draw: DrawLine | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor({ stream, environment, now = () => performance.now() }: StatusLineOptions) {
    this.terminal = terminalOf(stream, environment);
    this.#stream = stream;
    this.#now = now;
  }

  /** Shows a line from now on; it is drawn at once, unless one was drawn a moment ago and `atOnce` is not set. */
  show(draw: DrawLine, { atOnce = false } = {}): void {
    if (!this.terminal.isLive) return;
    const isFirst = this.#draw === undefined;
    this.#draw = draw;
    if (isFirst || atOnce || this.#now() - this.#drawnAt >= millisecondsBetweenDrawings) {
      this.#stream.write(eraseLine + this.#drawing());
    }
  }

  /** Prints a message of one line or more in place of the line, which is drawn again below. */
  print(message: string): void {
    if (!this.terminal.isLive) {
      this.#stream.write(`${message}\n`);
      return;
    }
    const wrapped = fitted(message, this.terminal);
    this.#stream.write(`${this.#draw === undefined ? "" : eraseLine}${wrapped}\n${this.#drawing()}`);
  }

  /** Takes the line away. Another may be shown later. */
  clear(): void {
    if (this.#draw !== undefined) this.#stream.write(eraseLine);
    this.#draw = undefined;
  }

  #drawing(): string {
    if (this.#draw === undefined) return "";
    this.#drawnAt = this.#now();
    // A line that reaches the last column moves some terminals to the next line, and Ctrl-C writes ^C behind it.
    return this.#draw(this.terminal.columns() - 2);
  }
}
