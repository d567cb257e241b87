import { constants, copyFile, type FileHandle, open } from "node:fs/promises";

/** A file that grows while others read it: each piece is handed to the system as it comes, whole and in order. */
export class AppendedFile {
  readonly path: string;
  readonly #file: FileHandle;
  #writes: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /**
   * @param before a file that it begins as a copy of
   * @throws what the system says, as where the file is there already
   */
  static async create(path: string, before?: string): Promise<AppendedFile> {
    if (before === undefined) return new AppendedFile(path, await open(path, "wx"));
    await copyFile(before, path, constants.COPYFILE_EXCL);
    return new AppendedFile(path, await open(path, "a"));
  }

  /** Writes a piece soon; `written` and `close` tell whether that failed. */
  append(piece: string | Uint8Array): void {
    if (!this.#isOpen) return;
    this.#writes = this.#writes.then(() => this.#file.writeFile(piece));
    // Until someone asks, a failure must not end the process as an unhandled rejection.
    this.#writes.catch(() => undefined);
  }

  /** @throws what the system says, where what has come so far could not be written */
  async written(): Promise<void> {
    await this.#writes;
  }

  /**
   * Waits for what was written, and until it is on the disk; closing twice does nothing.
   * @throws what the system says; the file is closed all the same
   */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#writes;
      await this.#file.sync();
    } finally {
      await this.#file.close().catch(() => undefined);
    }
  }
}
