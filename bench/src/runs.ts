/**
 * Runs of `nanoadam finetune`, each in a process of its own on one thread, some of them at a time. A run that is already
 * in the results folder, made with the same flags, is not repeated, so that a long table can be stopped and taken up again.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSummary } from "nanoadam";

const commandLine = fileURLToPath(new URL("../../packages/nanoadam/bin/nanoadam.js", import.meta.url));

export interface Run {
  /** A name for the run's folder, different for each. */
  readonly name: string;
  /** Flags of `finetune`, but for the output's. */
  readonly flags: readonly string[];
}

export class RunFolder {
  readonly #folder: string;
  readonly #jobs: number;

  /** @param jobs runs at a time */
  constructor(folder: string, jobs: number) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#jobs = jobs;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  summary(name: string): RunSummary {
    return JSON.parse(readFileSync(this.path(`${name}/summary.json`), "utf8")) as RunSummary;
  }

  /** @param report what to print of a finished run */
  async perform(runs: readonly Run[], report: (name: string) => string): Promise<void> {
    const queue = runs.filter((run) => !this.#isThere(run));
    const work = async () => {
      for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
        await this.#performOne(run);
        console.log(report(run.name));
      }
    };
    await Promise.all(Array.from({ length: this.#jobs }, work));
  }

  #isThere({ name, flags }: Run): boolean {
    const path = this.path(`${name}/flags.json`);
    return existsSync(path) && readFileSync(path, "utf8") === JSON.stringify(flags);
  }

  /** The written model is not kept. */
  async #performOne({ name, flags }: Run): Promise<void> {
    const model = this.path(`${name}.model`);
    const output = ["--output", model, "--overwrite", "--json", "--threads", "1"];
    const child = spawn(process.execPath, [commandLine, "finetune", ...flags, ...output], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    rmSync(model, { recursive: true, force: true });
    if (code !== 0) throw new Error(`${name}: exit ${code}`);
    mkdirSync(this.path(name), { recursive: true });
    writeFileSync(this.path(`${name}/summary.json`), text);
    writeFileSync(this.path(`${name}/flags.json`), JSON.stringify(flags));
  }
}

export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The standard deviation of a sample. */
export const deviation = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
