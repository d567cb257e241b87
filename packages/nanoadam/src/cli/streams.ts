import type { ProgressOptions } from "./progress.js";

/** Where a command writes; the process's own, unless a test listens. */
export interface Streams {
  readonly stdout: ProgressOptions["stream"];
  readonly stderr: ProgressOptions["stream"];
}
