import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/**
 * A file for what a run wants to look up again and not hold in memory: bytes at places that whoever uses it chooses. It is made
 * when it is first written to, and gone when it is closed.
 */
export class ScratchFile {
  readonly #path: string;
  #file: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws what the system says, when the disk is full for instance. */
  write(at: number, bytes: Uint8Array): void {
    this.#file ??= openSync(this.#path, "w+");
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file, bytes, done, bytes.length - done, at + done);
    }
  }

  /** Fills `bytes` with what was written at a place. @throws Error where less was. */
  read(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = this.#file === undefined ? 0 : readSync(this.#file, bytes, done, bytes.length - done, at + done);
      if (count === 0) throw new Error(`${this.#path} ends before ${at + bytes.length}`);
      done += count;
    }
  }

  /** Removes the file; harmless when repeated. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.#path, { force: true });
  }
}
