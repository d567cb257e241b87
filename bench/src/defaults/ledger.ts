import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Which run a result is of. */
export interface RunKey {
  readonly model: string;
  readonly data: string;
  readonly setting: string;
  readonly seed: number;
}

export interface RunEntry extends RunKey {
  readonly value: number;
  readonly steps?: number;
  /** What the run settled on. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** The results so far, in a file that is written after each. */
export class Ledger {
  readonly #file: string;
  readonly #entries: RunEntry[];

  constructor(file: string) {
    this.#file = file;
    this.#entries = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RunEntry[]) : [];
  }

  get entries(): readonly RunEntry[] {
    return this.#entries;
  }

  has({ model, data, setting, seed }: RunKey): boolean {
    return this.#entries.some(
      (each) => each.model === model && each.data === data && each.setting === setting && each.seed === seed,
    );
  }

  add(entry: RunEntry): void {
    this.#entries.push(entry);
    writeFileSync(this.#file, `[\n${this.#entries.map((each) => `  ${JSON.stringify(each)}`).join(",\n")}\n]\n`);
  }
}
