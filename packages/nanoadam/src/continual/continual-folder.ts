import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { ConfiguredFolder, type ConfiguredFolderOptions, namesIn } from "../files/configured-folder.js";
import { isOwnedName } from "../files/owned.js";
import { readJsonObject } from "../files/read-json.js";
import { writeFileAtomically } from "../files/write-file.js";
import { continualHtml } from "./html.js";
import { continualMarkdown } from "./markdown.js";
import type { BodyShift } from "./measure.js";
import type { SettledTask } from "./options.js";
import type { ContinualReport } from "./report.js";
import { type ContinualState, type Measurement, stateSchema } from "./state.js";

const stateFile = "measurements.json";

/**
 * The folder of a sequence of tasks: `tasks/N-NAME`, the model after each with the task's own head; what was measured; and the
 * report. Every file is there whole or not at all.
 */
export class ContinualFolder {
  readonly path: string;
  readonly #folder: ConfiguredFolder;
  #state: ContinualState;

  private constructor(folder: ConfiguredFolder, state: ContinualState) {
    this.path = folder.path;
    this.#folder = folder;
    this.#state = state;
  }

  /** @throws InputError where it cannot be written, or holds something else, or tasks with other options */
  static async open(
    path: string,
    options: Pick<ConfiguredFolderOptions, "configuration" | "overwrite" | "inputs" | "tell">,
  ): Promise<ContinualFolder> {
    const content = { name: "a sequence of tasks", other: "a sequence of other tasks" };
    const folder = await ConfiguredFolder.open(path, { ...options, command: "nanoadam continual", content });
    if (options.overwrite) {
      for (const name of await namesIn(folder.path)) {
        if (!isOwnedName(name)) await rm(join(folder.path, name), { recursive: true });
      }
    }
    const file = join(folder.path, stateFile);
    const { data, error } = stateSchema.safeParse((await readJsonObject(file)) ?? { measurements: [], shifts: {} });
    if (data === undefined) {
      throw new InputError(
        `${file}: ${error.issues[0]?.path.join(".")} is not as this version of nanoadam writes it; remove the file to have all measured again`,
      );
    }
    return new ContinualFolder(folder, data);
  }

  get state(): ContinualState {
    return this.#state;
  }

  /** The folder of a task's result. */
  resultOf({ folder }: Pick<SettledTask, "folder">): string {
    return join(this.path, "tasks", folder);
  }

  /** The folder of what a task starts from, which is there while it is learned. */
  startOf({ folder }: Pick<SettledTask, "folder">): string {
    return join(this.path, "starts", folder);
  }

  begin(): Promise<void> {
    return this.#folder.begin();
  }

  async keep(measurement: Measurement): Promise<void> {
    await this.#keep({ ...this.#state, measurements: [...this.#state.measurements, measurement] });
  }

  async keepShift(task: string, shift: BodyShift): Promise<void> {
    await this.#keep({ ...this.#state, shifts: { ...this.#state.shifts, [task]: shift } });
  }

  /** Writes the report as JSON, Markdown and HTML. */
  async write(report: ContinualReport): Promise<void> {
    await writeFileAtomically(join(this.path, "continual.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeFileAtomically(join(this.path, "continual.md"), continualMarkdown(report));
    await writeFileAtomically(join(this.path, "continual.html"), continualHtml(report));
  }

  /** Removes what a task started from, once it is done. */
  async removeStart(task: SettledTask): Promise<void> {
    await rm(this.startOf(task), { recursive: true, force: true });
    await rmdir(join(this.path, "starts")).catch(() => undefined);
  }

  /** Removes the folders that were made, where nothing was written to them. */
  release(): Promise<void> {
    return this.#folder.release();
  }

  async #keep(state: ContinualState): Promise<void> {
    await writeFileAtomically(join(this.path, stateFile), `${JSON.stringify(state, null, 2)}\n`);
    this.#state = state;
  }
}
