import type { OutputStream } from "./terminal.js";

/** Where a command writes, and reads from; the process's own, unless a test listens. */
export interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly stdin?: AsyncIterable<Uint8Array | string>;
}
