/**
 * Errors at the user's end, through the real command line: one line that names the place, what was found and
 * what was expected; a failing exit code; and no file anywhere that was not there before. One case for each room that
 * refuses something; the others are tested where their message is made.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { expectOneLine } from "../testing/refusal.js";
import { type CommandOutcome, runCli } from "../testing/run-cli.js";
import type { TinyCheckpointOptions } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { type TinyPlace, tinyPlace } from "../testing/tiny-run.js";

/** Every file below a folder with its content. */
async function snapshot(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    files.set(path, entry.isFile() ? await readFile(path, "latin1") : "");
  }
  return files;
}

/** The value of a flag that takes none. */
const given = "(given)";

/** Flags from their values; undefined leaves one out. */
function flags(options: Record<string, string | undefined>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return value === given ? [`--${name}`] : [`--${name}`, value];
  });
}

/** The flags of a run that succeeds, but for the output. */
function goodFlags({ model, train, evaluation }: TinyPlace): Record<string, string | undefined> {
  return {
    model,
    train,
    eval: evaluation,
    text: "sentence",
    label: "label",
    steps: "1",
    "batch-size": "8",
    threads: "1",
  };
}

const smallPlace = (checkpoint: TinyCheckpointOptions = {}) =>
  tinyPlace(checkpoint, { train: tinyRows(16), evaluation: tinyRows(4, 99) });

interface BadInput {
  readonly checkpoint?: TinyCheckpointOptions;
  readonly spoil?: (place: TinyPlace) => Promise<unknown>;
  /** The flags that differ. */
  readonly flags?: Record<string, string | undefined>;
  /** Parts of the one line, beside the file's own name where a file is at fault. */
  readonly says: readonly (string | RegExp)[];
}

function expectFailure({ exitCode, stdout, stderr }: CommandOutcome, says: BadInput["says"]): void {
  expect(stderr).toMatch(/^nanoadam: [^\n]+\n$/);
  expectOneLine(stderr.slice(0, -1), says);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stdout).toBe("");
  expect(exitCode).toBe(1);
}

const cases: Readonly<Record<string, BadInput>> = {
  "options: a number out of range": {
    flags: { "batch-size": "0" },
    says: ["--batch-size is 0, expected at least 1"],
  },
  "data: a row with too few fields": {
    spoil: (at) => writeFile(at.train, "sentence\tlabel\ngood film\tgood\nbad film\n"),
    says: ["train.tsv, line 3: 1 field, expected 2 as in the header"],
  },
  "data: no tokenizer.json": {
    spoil: (at) => rm(join(at.model, "tokenizer.json")),
    says: ["has no tokenizer.json"],
  },
  "models: an unknown architecture": {
    checkpoint: { config: { model_type: "gpt9" } },
    says: [
      "config.json",
      'model_type is "gpt9", expected one of bert, roberta, xlm-roberta, camembert, distilbert, electra, modernbert, deberta-v2, llama, mistral, qwen2, qwen3, gemma3_text, opt',
    ],
  },
  "checkpoint: weights that are cut off": {
    spoil: (at) => truncate(join(at.model, "model.safetensors"), 9000),
    says: ["model.safetensors", "is it cut off?"],
  },
  "files: a config.json that is no JSON": {
    spoil: (at) => writeFile(join(at.model, "config.json"), "{'a'"),
    says: ["config.json is not valid JSON"],
  },
  "train: more tokens than positions": {
    flags: { "max-length": "41" },
    says: ["--max-length is 41, expected at most the model's 40 positions"],
  },
  // Found when the output folder is begun already.
  "train: texts without words for masked-lm": {
    spoil: (at) => writeFile(at.evaluation, "sentence\tlabel\n\tgood\n\tbad\n"),
    flags: { task: "masked-lm", label: undefined, quiet: given },
    says: ["the evaluation data have nothing to predict for masked-lm"],
  },
};

describe("finetune stops before it writes: ", () => {
  test.each(Object.entries(cases))("%s", async (_, { checkpoint = {}, spoil, flags: changed = {}, says }) => {
    const at = await smallPlace(checkpoint);
    await spoil?.(at);
    const before = await snapshot(at.folder);
    const fresh = join(at.folder, "results", "first");
    expectFailure(await runCli("finetune", ...flags({ ...goodFlags(at), output: fresh, ...changed })), says);
    expect(await snapshot(at.folder)).toEqual(before);

    const kept = join(at.folder, "kept");
    await mkdir(kept);
    await writeFile(join(kept, "old.txt"), "old");
    const withKept = await snapshot(at.folder);
    expectFailure(
      await runCli("finetune", "--overwrite", ...flags({ ...goodFlags(at), output: kept, ...changed })),
      says,
    );
    expect(await snapshot(at.folder)).toEqual(withKept);
  });
});

test("an output folder with something in it is kept, unless told to replace it", async () => {
  const at = await smallPlace();
  const output = join(at.folder, "kept");
  await mkdir(output);
  await writeFile(join(output, "old.txt"), "old");
  const before = await snapshot(at.folder);
  const says = [output, "is not empty; pass --overwrite to replace it"];
  expectFailure(await runCli("finetune", ...flags({ ...goodFlags(at), output })), says);
  expect(await snapshot(at.folder)).toEqual(before);

  const { exitCode } = await runCli("finetune", "--overwrite", "--quiet", ...flags({ ...goodFlags(at), output }));
  expect(exitCode).toBe(0);
  expect(await readdir(output)).not.toContain("old.txt");
});

test("evaluate and predict of a checkpoint without a head", async () => {
  const { model, evaluation: data } = await smallPlace();
  const says = [model, "has no classification head", "classifier.weight", "run nanoadam finetune first"];
  expectFailure(await runCli("evaluate", ...flags({ model, data, text: "sentence", label: "label" })), says);
  expectFailure(await runCli("predict", ...flags({ model, text: "good film" })), says);
});

test("predict without a text", async () => {
  expectFailure(await runCli("predict", "--model", "no-such-folder"), ["--text is needed"]);
});

test("a run that diverges fails with one line, and says where the last good weights are", async () => {
  const at = await smallPlace();
  const output = join(at.folder, "out");
  const options = { ...goodFlags(at), output, steps: "5", "learning-rate": "1e30" };
  expectFailure(await runCli("finetune", "--quiet", ...flags(options)), [
    /step 2 with learning rate \d/,
    `The last good weights are in ${output}`,
  ]);
  await access(join(output, "model.safetensors"));
});

test("a fault of the file system is one line too, and leaves nothing behind", async () => {
  const at = await smallPlace();
  await rm(join(at.model, "vocab.txt"));
  await mkdir(join(at.model, "vocab.txt"));
  const before = await snapshot(at.folder);
  const output = join(at.folder, "out");
  expectFailure(await runCli("finetune", "--quiet", ...flags({ ...goodFlags(at), output })), ["vocab.txt"]);
  expect(await snapshot(at.folder)).toEqual(before);
});

describe("the command itself", () => {
  test.each([
    [["finetune", "--lerning-rate", "1"], "unknown option '--lerning-rate' (did you mean --learning-rate?)"],
    [["finetun"], "unknown command 'finetun' (did you mean finetune?)"],
    [["finetune", "stray"], "too many arguments"],
    [["finetune", "--model"], "argument missing"],
    [["finetune"], "--model and --train are needed; nanoadam finetune --help has examples"],
    [["finetune", "--task", "masked-lm", "-m", "bert", "-o", "out"], "--train is needed"],
    [["evaluate", "--model", "bert"], "--data is needed"],
    [["export"], "--model, --output and --merge are needed"],
    [["compare"], "--model, --train and --output are needed"],
    [
      ["finetune", ..."-m a --train b --text c --label d -o e --optimizer nanoadm".split(" ")],
      /expected one of nanoadam, .*; did you mean nanoadam\?/,
    ],
    [["finetune", "--preset", "glue/colla"], "did you mean glue/cola?"],
  ])("%j", async (arguments_, says) => {
    expectFailure(await runCli(...arguments_), [says]);
  });

  test("without a command there is a way to start", async () => {
    const { exitCode, stdout, stderr } = await runCli();
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
    expect(stdout.split("\n").length).toBeLessThan(16);
    for (const command of ["demo", "finetune", "predict"]) expect(stdout).toContain(`$ nanoadam ${command}`);
  });

  test("--debug shows where a fault was found", async () => {
    const { stderr } = await runCli("--debug", "predict", "--model", "no-such-folder", "--text", "good");
    expect(stderr).toMatch(/InputError: The model folder no-such-folder does not exist\.\n\s+at /);
  });
});

const builtCommand = fileURLToPath(new URL("../../bin/nanoadam.js", import.meta.url));
const isBuilt = existsSync(fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)));

test.skipIf(!isBuilt)("the installed command exits as it should (needs npm run build)", async () => {
  const spawn = (...arguments_: string[]) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = execFile(process.execPath, [builtCommand, ...arguments_], (_error, _stdout, stderr) => {
        resolve({ code: child.exitCode, stderr });
      });
    });
  expect(await spawn("--version")).toEqual({ code: 0, stderr: "" });
  const { code, stderr } = await spawn("predict", "--model", "no-such-folder", "--text", "good");
  expect(code).toBe(1);
  expect(stderr).toBe("nanoadam: The model folder no-such-folder does not exist.\n");
});
