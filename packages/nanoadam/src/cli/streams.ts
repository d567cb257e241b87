import type { NoticeListener } from "../train/observer.js";
import type { OutputStream } from "./terminal.js";

/** Where a command writes; the process's own, unless a test listens. */
export interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** Notices as lines beside a command's output. */
export function noticesTo({ stderr }: Streams): NoticeListener {
  return { onNotice: (notice) => void stderr.write(`${notice}\n`) };
}
