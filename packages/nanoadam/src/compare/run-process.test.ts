import { existsSync } from "node:fs";
import { access, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { performRun } from "./perform-run.js";
import { startScript } from "./run-process.js";

const never = new AbortController().signal;
const run = { optimizer: "adamw", learningRate: 1e-3, seed: 0 };

/** A script in place of the command line. */
async function script(text: string) {
  const folder = await temporaryFolder();
  const path = join(folder, "script.mjs");
  await writeFile(path, text);
  return { folder, start: startScript(path) };
}

const perform = async (text: string) =>
  performRun(run, { options: { optimizer: "adamw" }, jobs: 1, start: (await script(text)).start, signal: never });

describe("a process", () => {
  test("gives its output and its exit code", async () => {
    const { start } = await script(
      `console.log(process.argv.slice(2).join("+")); console.error("ä"); process.exit(3);`,
    );
    expect(await start(["a", "b"], never)).toEqual({ exitCode: 3, endedBy: null, stdout: "a+b\n", stderr: "ä\n" });
  });

  test("hands on the lines of its standard error as they come", async () => {
    const { start } = await script(
      `process.stderr.write("one\\ntw"); setTimeout(() => process.stderr.write("o\\nno line yet"), 20);`,
    );
    const lines: string[] = [];
    await start([], never, (line) => lines.push(line));
    expect(lines).toEqual(["one", "two"]);
  });

  test("is killed when its signal is aborted", async () => {
    const { start, folder } = await script(
      `import { writeFileSync } from "node:fs"; process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); writeFileSync(process.argv[2], "");`,
    );
    const begun = join(folder, "begun");
    const interrupt = new AbortController();
    const outcome = start([begun], interrupt.signal);
    while (!existsSync(begun)) await sleep(10);
    interrupt.abort();
    expect(await outcome).toMatchObject({ exitCode: null, endedBy: "SIGKILL" });
  });
});

test("what a run tells on its way is handed on, and is no error", async () => {
  const reports: unknown[] = [];
  const { start } = await script(`
    console.error('{"step":0,"totalSteps":2}'); console.error("(node) warning");
    console.error('{"step":1,"totalSteps":2,"loss":0.5}'); process.exit(7);`);
  const result = await performRun(run, {
    ...{ options: {}, jobs: 1, start, signal: never },
    onReport: (report) => reports.push(report),
  });
  expect(reports).toEqual([
    { step: 0, totalSteps: 2 },
    { step: 1, totalSteps: 2, loss: 0.5 },
  ]);
  expect(result).toMatchObject({ failure: "(node) warning" });
});

const output = `process.argv[process.argv.indexOf("--output") + 1]`;

describe("a run that fails", () => {
  test("tells the command line's one line of error, without other noise", async () => {
    const text = `console.error("(node) warning"); console.error("nanoadam: train.tsv has no column"); process.exit(1);`;
    expect(await perform(text)).toEqual({ ...run, jobs: 1, failure: "train.tsv has no column", diverged: false });
  });

  test("has diverged where the summary that it left says so", async () => {
    const summary = JSON.stringify({ stopped: { step: 2, reason: "the loss became NaN at step 2" } });
    const text = `
      import { mkdirSync, writeFileSync } from "node:fs";
      mkdirSync(${output});
      writeFileSync(${output} + "/summary.json", ${JSON.stringify(summary)});
      console.error("nanoadam: the weights are somewhere that is gone by now"); process.exit(1);`;
    expect(await perform(text)).toMatchObject({ failure: "the loss became NaN at step 2", diverged: true });
  });

  test("tells how it ended where it said nothing", async () => {
    expect(await perform("process.exit(7);")).toMatchObject({ failure: "the run ended with exit code 7" });
    const killed = await perform(`process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);`);
    expect(killed).toMatchObject({ failure: "the run was ended by SIGKILL", diverged: false });
  });
});

test("nothing is kept of what a run writes", async () => {
  const { folder, start } = await script(`
    import { mkdirSync, writeFileSync } from "node:fs";
    mkdirSync(${output});
    writeFileSync(process.env.WRITTEN_TO, ${output});
    process.exit(1);`);
  const place = join(folder, "place");
  vi.stubEnv("WRITTEN_TO", place);
  onTestFinished(() => void vi.unstubAllEnvs());
  await performRun(run, { options: {}, jobs: 1, start, signal: never });
  const written = await readFile(place, "utf8");
  expect(written).not.toBe("");
  await expect(access(dirname(written))).rejects.toThrow("ENOENT");
});

test("a run whose model cannot be kept has failed", async () => {
  const { start } = await script(`
    if (process.argv[2] === "finetune") process.exit(0);
    console.error("nanoadam: " + process.argv.slice(2).join(" ").replaceAll(/\\S+\\//g, "")); process.exit(1);`);
  const keep = { base: "bert", path: "kept.safetensors" };
  const result = await performRun(run, { options: {}, jobs: 1, start, signal: never, keep });
  const said = "delta --model model --base bert --output kept.safetensors --overwrite";
  expect(result).toMatchObject({ failure: `its model could not be kept: ${said}`, diverged: false });
});
