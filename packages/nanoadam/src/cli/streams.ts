import type { OutputStream } from "./terminal.js";

/** Where a command writes; the process's own, unless a test listens. */
export interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}
