/** What a stream can show: a line that is drawn again and again, colours, so many columns. */
import picocolors from "picocolors";
import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";

/** Where text is written; a stream of Node, or what a test listens with. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Variables of the environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Terminal {
  /** Whether a line can be drawn again: not in a file, a pipe or a build server's log. */
  readonly isLive: boolean;
  /** Columns of the window as it is now. */
  columns(): number;
  /** Functions that colour a text, or leave it as it is. */
  readonly colors: Colors;
  /** Whether the font is known to have eighths of blocks, which a sparkline is made of. */
  readonly hasBlocks: boolean;
}

export type Colors = ReturnType<typeof picocolors.createColors>;

const usualColumns = 80;

/** What a stream can show, as the environment has it: `CI`, `TERM=dumb` and `NO_COLOR` count. */
export function terminalOf(stream: OutputStream, environment: Environment = process.env): Terminal {
  const { CI = "", TERM, NO_COLOR = "" } = environment;
  const isBuildServer = !["", "0", "false"].includes(CI.toLowerCase());
  const isLive = stream.isTTY === true && !isBuildServer && TERM !== "dumb";
  return {
    isLive,
    columns: () => stream.columns || usualColumns,
    colors: picocolors.createColors(isLive && NO_COLOR === ""),
    hasBlocks: TERM !== "linux",
  };
}

/** A text of lines that fit a window, broken between words; as it is where there is no window. */
export function fitted(text: string, { isLive, columns }: Terminal): string {
  if (!isLive) return text;
  const fit = (line: string) => (stringWidth(line) <= columns() ? line : wrapAnsi(line, columns()));
  return text.split("\n").map(fit).join("\n");
}
