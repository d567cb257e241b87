/**
 * What goes wrong at the user's end, through the real command line: one line that names the place, what was found and
 * what was expected; a failing exit code; and no file anywhere that was not there before.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type RawTensor, rawTensor, withHeader } from "../testing/tensors.js";
import { type TinyCheckpointOptions, writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";
import { runCommandLine } from "./command-line.js";

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...arguments_: string[]): Promise<Outcome> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const exitCode = await runCommandLine(arguments_, {
    stdout: { write: (text) => stdout.push(text) },
    stderr: { write: (text) => stderr.push(text) },
  });
  return { exitCode, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** Every file below a folder with its content. */
async function snapshot(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    files.set(path, entry.isFile() ? await readFile(path, "latin1") : "");
  }
  return files;
}

/** Where a case finds the files of a run that would succeed. */
interface Place {
  readonly folder: string;
  readonly model: string;
  readonly train: string;
  readonly evaluation: string;
  readonly weights: string;
}

async function place(checkpoint: TinyCheckpointOptions = {}): Promise<Place> {
  const folder = await temporaryFolder();
  const model = await writeTinyCheckpoint(join(folder, "model"), checkpoint);
  const train = await writeTinyData(join(folder, "train.tsv"), tinyRows(16));
  const evaluation = await writeTinyData(join(folder, "eval.tsv"), tinyRows(4, 99));
  return { folder, model, train, evaluation, weights: join(model, "model.safetensors") };
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
function goodFlags({ model, train, evaluation }: Place): Record<string, string | undefined> {
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

interface BadInput {
  readonly checkpoint?: TinyCheckpointOptions;
  /** Spoils something, and tells the flags that differ. */
  readonly spoil?: (place: Place) => Promise<unknown>;
  readonly flags?: Record<string, string | undefined>;
  /** What the one line must have, beside the file's own name where a file is at fault. */
  readonly says: readonly (string | RegExp)[];
}

function expectOneLine({ exitCode, stdout, stderr }: Outcome, says: BadInput["says"]): void {
  expect(stderr).toMatch(/^nanoadam: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\n\s+at |Error:|undefined|\[object/);
  for (const part of says) typeof part === "string" ? expect(stderr).toContain(part) : expect(stderr).toMatch(part);
  expect(stdout).toBe("");
  expect(exitCode).toBe(1);
}

/** Replaces a tensor of the checkpoint. */
const replacing = (name: string, change: (tensor: RawTensor) => RawTensor): TinyCheckpointOptions => ({
  change(tensors) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`the tiny checkpoint has no ${name}`);
    tensors.set(name, change(tensor));
  },
});

const query = "bert.encoder.layer.1.attention.self.query.weight";
const someRows = (lines: string) => (at: Place) => writeFile(at.train, lines);
const someWeights = (bytes: Buffer) => (at: Place) => writeFile(at.weights, bytes);
const eightBytes = new Uint8Array(8);

const cases: Readonly<Record<string, BadInput>> = {
  "no data file": { spoil: (at) => rm(at.train), says: ["train.tsv", "no such file"] },
  "no model folder": {
    spoil: (at) => rm(at.model, { recursive: true }),
    says: [/The model folder .*model does not exist/],
  },
  "a file in place of the model folder": {
    flags: { model: "package.json" },
    says: ["package.json is a file, expected a model folder"],
  },
  "no config.json": { spoil: (at) => rm(join(at.model, "config.json")), says: ["has no config.json"] },
  "a config.json that is no JSON": {
    spoil: (at) => writeFile(join(at.model, "config.json"), "{'a'"),
    says: ["config.json is not valid JSON"],
  },
  "no tokenizer.json": { spoil: (at) => rm(join(at.model, "tokenizer.json")), says: ["has no tokenizer.json"] },
  "a column for the text that is not there": {
    flags: { text: "review" },
    says: ['train.tsv has no column "review"; its columns are "sentence", "reply", "label", "score"'],
  },
  "a column for the label that is not there": {
    flags: { label: "stars" },
    says: ['train.tsv has no column "stars"; its columns are "sentence", "reply", "label", "score"'],
  },
  "an empty file": { spoil: someRows(""), says: ["train.tsv is empty"] },
  "a header without rows": { spoil: someRows("sentence\tlabel\n"), says: ["train.tsv has no rows"] },
  "a file that is not text": {
    spoil: (at) => writeFile(at.train, Buffer.from([0x73, 0xff, 0xfe, 0x0a])),
    says: ["train.tsv is not UTF-8 text"],
  },
  "a row with too few fields": {
    spoil: someRows("sentence\tlabel\ngood film\tgood\nbad film\n"),
    says: ["train.tsv, line 3: 1 field, expected 2 as in the header"],
  },
  "a row with too many fields": {
    spoil: someRows("sentence\tlabel\ngood film\tgood\tand more\nbad film\tbad\n"),
    says: ["train.tsv, line 2: 3 fields, expected 2 as in the header"],
  },
  "one class only": {
    spoil: someRows("sentence\tlabel\ngood film\tgood\nbad film\tgood\n"),
    says: ['train.tsv has only the label "good", expected at least two classes'],
  },
  "a label that training lacks": {
    spoil: (at) => writeFile(at.evaluation, "sentence\tlabel\ngood film\tgood\nplot\tneutral\n"),
    says: ['eval.tsv, line 3: the label "neutral" is unknown, expected one of "bad", "good"'],
  },
  "a regression label that is no number": {
    spoil: someRows("sentence\tlabel\ngood film\t1.5\nbad film\tlow\n"),
    flags: { task: "regression" },
    says: ['train.tsv, line 3: the label "low" is not a finite number'],
  },
  "too few rows to hold some out": {
    spoil: someRows("sentence\tlabel\ngood film\tgood\nbad film\tbad\n"),
    flags: { eval: undefined },
    says: [/2 examples with a held-out share of 0\.1/],
  },

  "an unknown architecture": {
    checkpoint: { config: { model_type: "gpt9" } },
    says: ["config.json", 'model_type is "gpt9", expected one of bert, roberta, distilbert'],
  },
  "a config without a size": {
    checkpoint: { config: { hidden_size: undefined } },
    says: ["config.json: hidden_size is missing"],
  },
  "a config with a size of the wrong kind": {
    checkpoint: { config: { hidden_size: "16" } },
    says: ["config.json", 'hidden_size is "16"', "expected number"],
  },
  "heads that do not divide the width": {
    checkpoint: { config: { num_attention_heads: 3 } },
    says: ["config.json", "hidden_size 16 is not a multiple of num_attention_heads 3"],
  },
  "an unknown activation": {
    checkpoint: { config: { hidden_act: "swoosh" } },
    says: ["config.json", '"swoosh"', "gelu"],
  },
  "positions that are not learned ones": {
    checkpoint: { config: { position_embedding_type: "relative_key" } },
    says: ["config.json", 'position_embedding_type is "relative_key"', "absolute"],
  },
  "a tensor of another shape": {
    checkpoint: replacing(query, () => rawTensor([16, 8], new Float32Array(128))),
    says: ["model.safetensors", query, "has shape [16, 8], expected [16, 16]"],
  },
  "a tensor of whole numbers": {
    checkpoint: replacing(query, ({ shape }) => ({ shape, dtype: "I64", bytes: new Uint8Array(16 * 16 * 8) })),
    says: ["model.safetensors", query, "has dtype I64, expected F32, F16, BF16"],
  },
  "NaN among the weights": {
    checkpoint: replacing(query, ({ shape }) => rawTensor(shape, new Float32Array(256).fill(Number.NaN, 7, 8))),
    says: ["model.safetensors", query, "is NaN at flat index 7, expected finite"],
  },
  "infinity among the weights": {
    checkpoint: replacing(query, ({ shape }) => rawTensor(shape, new Float32Array(256).fill(-Infinity, 7, 8), "BF16")),
    says: ["model.safetensors", query, "is -Infinity at flat index 7, expected finite"],
  },
  "weights of something else": {
    checkpoint: {
      change(tensors) {
        tensors.clear();
        tensors.set("conv1.weight", rawTensor([2], new Float32Array(2)));
      },
    },
    says: ["no tensor fits a BertForSequenceClassification", '"conv1.weight"'],
  },
  "a tokenizer with more tokens than the embedding": {
    checkpoint: { vocabularySize: 20 },
    says: [/tokenizer\.json has ids up to \d+, but the embedding has 20 rows \(vocab_size in config\.json\)/],
  },
  "weights that are cut off": {
    spoil: (at) => truncate(at.weights, 9000),
    says: ["model.safetensors", "is it cut off?"],
  },
  "weights cut off in the header": {
    spoil: (at) => truncate(at.weights, 100),
    says: ["model.safetensors", /header should have \d+ bytes but the file has only 100/],
  },
  "an empty weight file": { spoil: (at) => truncate(at.weights, 0), says: ["model.safetensors", "has 0 bytes"] },
  "a header that claims to be longer than the file": {
    spoil: someWeights(Buffer.from([255, 255, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])),
    says: ["model.safetensors", "header should have 65535 bytes but the file has only 10"],
  },
  "a header that claims to be longer than any": {
    spoil: someWeights(Buffer.from([255, 255, 255, 255, 255, 255, 255, 255, 0x7b, 0x7d])),
    says: ["model.safetensors", "18446744073709551615 bytes"],
  },
  "tensors that overlap": {
    spoil: someWeights(
      withHeader(
        {
          a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
          b: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
        },
        eightBytes,
      ),
    ),
    says: ["model.safetensors", '"b" overlaps'],
  },
  "a tensor beyond the end of the file": {
    spoil: someWeights(withHeader({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }, eightBytes)),
    says: ["model.safetensors", '"a" ends at byte', "is it cut off?"],
  },
  "a shape larger than its bytes": {
    spoil: someWeights(withHeader({ a: { dtype: "F32", shape: [1e6, 1e6], data_offsets: [0, 8] } }, eightBytes)),
    says: ["model.safetensors", '"a" has 8 bytes', "need 4000000000000"],
  },
  "a shape beyond counting": {
    spoil: someWeights(withHeader({ a: { dtype: "F32", shape: [1e15, 1e15], data_offsets: [0, 8] } }, eightBytes)),
    says: ["model.safetensors", '"a"', "more elements than can be counted"],
  },
  "a negative shape": {
    spoil: someWeights(withHeader({ a: { dtype: "F32", shape: [-2, -1], data_offsets: [0, 8] } }, eightBytes)),
    says: ["model.safetensors", '"a" has shape [-2,-1], expected a list of non-negative integers'],
  },
  "a pickle": {
    async spoil(at) {
      await rm(at.weights);
      await writeFile(join(at.model, "pytorch_model.bin"), "\x80\x02");
    },
    says: ["pytorch_model.bin is a pickle", "convert it once with: python -c", "safe_serialization=True"],
  },
  "a shard that is not there": {
    checkpoint: { sharded: true },
    spoil: (at) => rm(join(at.model, "model-00002-of-00002.safetensors")),
    says: ["model-00002-of-00002.safetensors", "no such file"],
  },

  "--max-length above the positions": {
    flags: { "max-length": "41" },
    says: ["--max-length is 41, expected at most the model's 40 positions"],
  },
  "--max-length without room for a word": { flags: { "max-length": "2" }, says: [/maximum length is 2 tokens/] },
  "--batch-size 0": { flags: { "batch-size": "0" }, says: ["--batch-size is 0, expected at least 1"] },
  "--batch-size 2.5": { flags: { "batch-size": "2.5" }, says: ["--batch-size is 2.5, expected a whole number"] },
  "--density 2": { flags: { density: "2" }, says: ["--density is 2, expected at most 1"] },
  "--density 0": { flags: { density: "0" }, says: ["--density is 0, expected more than 0"] },
  "--final-density above --density": {
    flags: { "final-density": "0.5" },
    says: ["--final-density is 0.5, expected at most --density 0.1"],
  },
  "--learning-rate abc": { flags: { "learning-rate": "abc" }, says: ['--learning-rate is "abc", expected a number'] },
  "--learning-rate -1": { flags: { "learning-rate": "-1" }, says: ["--learning-rate is -1, expected more than 0"] },
  "a number that was left empty": { flags: { clip: "" }, says: ['--clip is "", expected a number'] },
  "--dropout 1": { flags: { dropout: "1" }, says: ["--dropout is 1, expected less than 1"] },
  "--warmup 1.5": {
    flags: { warmup: "1.5" },
    says: ["--warmup is 1.5, expected a whole number of steps, or a fraction"],
  },
  "--optimizer adam": {
    flags: { optimizer: "adam" },
    says: ['--optimizer is "adam", expected one of nanoadam, adamw'],
  },
  "--text with three columns": { flags: { text: "a,b,c" }, says: ['--text is "a,b,c", expected at most 2 entries'] },
  "--text with an empty column": { flags: { text: "a," }, says: ['--text is "a,", expected'] },
  "--delimiter without a character": {
    flags: { delimiter: "" },
    says: ['--delimiter is "", expected at least 1 character'],
  },
  "--epochs with --steps": { flags: { epochs: "1" }, says: ["--steps cannot go with --epochs"] },
  "--eval with --eval-share": { flags: { "eval-share": "0.5" }, says: ["--eval-share cannot go with --eval"] },
  "--label left out": { flags: { label: undefined }, says: ["--label is needed for classification"] },
  "--train left out": { flags: { train: undefined }, says: ["--train is needed"] },
  "masked-lm on texts without words": {
    spoil: (at) => writeFile(at.evaluation, "sentence\tlabel\n\tgood\n\tbad\n"),
    flags: { task: "masked-lm", label: undefined, quiet: given },
    says: ["the evaluation texts have no token that could be hidden"],
  },
  "two columns for masked-lm": {
    flags: { task: "masked-lm", label: undefined, text: "sentence,reply" },
    says: ["--text is one column for masked-lm"],
  },
};

describe("finetune stops before it writes: ", () => {
  test.each(Object.entries(cases))("%s", async (_, { checkpoint = {}, spoil, flags: changed = {}, says }) => {
    const at = await place(checkpoint);
    await spoil?.(at);
    const before = await snapshot(at.folder);
    const fresh = join(at.folder, "results", "first");
    expectOneLine(await run("finetune", ...flags({ ...goodFlags(at), output: fresh, ...changed })), says);
    expect(await snapshot(at.folder)).toEqual(before);

    const kept = join(at.folder, "kept");
    await mkdir(kept);
    await writeFile(join(kept, "old.txt"), "old");
    const withKept = await snapshot(at.folder);
    expectOneLine(await run("finetune", "--overwrite", ...flags({ ...goodFlags(at), output: kept, ...changed })), says);
    expect(await snapshot(at.folder)).toEqual(withKept);
  });
});

describe("an output folder that cannot be", () => {
  test("a path below a file", async () => {
    const at = await place();
    const before = await snapshot(at.folder);
    const output = join(at.train, "model");
    expectOneLine(await run("finetune", ...flags({ ...goodFlags(at), output })), [
      "The output folder",
      output,
      "a part of the path is a file, not a folder",
    ]);
    expect(await snapshot(at.folder)).toEqual(before);
  });

  test("a file", async () => {
    const at = await place();
    expectOneLine(await run("finetune", ...flags({ ...goodFlags(at), output: at.train })), [
      "is a file, expected a folder",
    ]);
  });

  test("one with something in it, unless told to replace it", async () => {
    const at = await place();
    const output = join(at.folder, "kept");
    await mkdir(output);
    await writeFile(join(output, "old.txt"), "old");
    const before = await snapshot(at.folder);
    const says = [output, "is not empty; pass --overwrite to replace it"];
    expectOneLine(await run("finetune", ...flags({ ...goodFlags(at), output })), says);
    expect(await snapshot(at.folder)).toEqual(before);

    const { exitCode } = await run("finetune", "--overwrite", "--quiet", ...flags({ ...goodFlags(at), output }));
    expect(exitCode).toBe(0);
    expect(await readdir(output)).not.toContain("old.txt");
  });

  test.each(["train", "evaluation", "model"] as const)(
    "one that the run's %s lies in, even with --overwrite",
    async (own) => {
      const at = await place();
      const before = await snapshot(at.folder);
      const output = own === "model" ? at.model : at.folder;
      const elsewhere = await place();
      const paths = { model: elsewhere.model, train: elsewhere.train, eval: elsewhere.evaluation };
      const inside = own === "evaluation" ? { eval: at.evaluation } : { [own]: at[own] };
      const outcome = await run("finetune", "--overwrite", ...flags({ ...goodFlags(at), ...paths, ...inside, output }));
      expectOneLine(outcome, [output, own === "evaluation" ? "--eval" : `--${own}`]);
      expect(await snapshot(at.folder)).toEqual(before);
    },
  );
});

describe("evaluate and predict", () => {
  async function fineTuned(options: Record<string, string | undefined> = {}): Promise<Place & { output: string }> {
    const at = await place();
    const output = join(at.folder, "fine-tuned");
    const { stderr, exitCode } = await run("finetune", "--quiet", ...flags({ ...goodFlags(at), output, ...options }));
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    return { ...at, output };
  }

  test.each([{ head: "none" }, { head: "bare" }] as const)(
    "of a checkpoint without a head ($head)",
    async (checkpoint) => {
      const at = await place(checkpoint);
      const says = [at.model, "has no classification head", "classifier.weight", "run nanoadam finetune first"];
      expectOneLine(
        await run("evaluate", ...flags({ model: at.model, data: at.evaluation, text: "sentence", label: "label" })),
        says,
      );
      expectOneLine(await run("predict", ...flags({ model: at.model, text: "good film" })), says);
    },
  );

  test("of labels that the checkpoint does not know, of a missing column, and without a label", async () => {
    const { output, folder } = await fineTuned();
    const data = join(folder, "new.tsv");
    await writeFile(data, "sentence\tlabel\ngood film\tgood\ngood cast\tbest\n");
    const evaluate = (options: Record<string, string | undefined>) =>
      run("evaluate", ...flags({ model: output, data, text: "sentence", label: "label", threads: "1", ...options }));
    expectOneLine(await evaluate({}), ['new.tsv, line 3: the label "best" is unknown, expected one of "bad", "good"']);
    expectOneLine(await evaluate({ text: "review" }), ['new.tsv has no column "review"']);
    expectOneLine(await evaluate({ label: undefined }), ["--label is needed"]);
    expectOneLine(await evaluate({ data: join(folder, "none.tsv") }), ["none.tsv", "no such file"]);
    expectOneLine(await evaluate({ "max-length": "400" }), ["--max-length is 400, expected at most"]);
  });

  test("of a regression with a label that is no number", async () => {
    const { output, evaluation } = await fineTuned({ task: "regression", label: "score" });
    const options = { model: output, data: evaluation, text: "sentence", label: "label" };
    expectOneLine(await run("evaluate", ...flags(options)), [
      'eval.tsv, line 2: the label "good" is not a finite number',
    ]);
  });

  test("predict takes a text or a file, not columns beside a pair", async () => {
    const { output, evaluation } = await fineTuned();
    const predict = (options: Record<string, string | undefined>) =>
      run("predict", ...flags({ model: output, ...options }));
    expectOneLine(await predict({}), ["--text is needed"]);
    expectOneLine(await predict({ data: evaluation, text: "review" }), ['eval.tsv has no column "review"']);
    expectOneLine(await predict({ data: evaluation, text: "a,b,c" }), [
      '--text is "a,b,c", expected one column or two',
    ]);
    expectOneLine(await predict({ data: evaluation, text: "sentence", "text-pair": "good" }), [
      "--text-pair cannot go with --data",
    ]);
  });

  test("predict has nothing to say for a masked-lm checkpoint", async () => {
    const { output } = await fineTuned({ task: "masked-lm", label: undefined });
    expectOneLine(await run("predict", ...flags({ model: output, text: "good" })), [output, "masked-lm"]);
  });

  test("predictions and evaluations go to stdout, as JSON when asked", async () => {
    const { output, evaluation } = await fineTuned();
    const one = await run("predict", ...flags({ model: output, text: "good film" }));
    expect(one).toMatchObject({
      exitCode: 0,
      stderr: "",
      stdout: expect.stringMatching(/^(good|bad)\t\d+\.\d %\tgood film\n$/),
    });
    const many = await run("predict", "--json", ...flags({ model: output, data: evaluation, text: "sentence" }));
    expect(
      many.stdout
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { text: string }).text),
    ).toEqual(tinyRows(4, 99).map(({ sentence }) => sentence));
    const report = await run(
      "evaluate",
      "--json",
      ...flags({ model: output, data: evaluation, text: "sentence", label: "label" }),
    );
    expect(JSON.parse(report.stdout)).toMatchObject({ task: "classification", examples: 4 });
  });
});

test("a run that diverges fails with one line, and says where the last good weights are", async () => {
  const at = await place();
  const output = join(at.folder, "out");
  const options = { ...goodFlags(at), output, steps: "5", "learning-rate": "1e30" };
  expectOneLine(await run("finetune", "--quiet", ...flags(options)), [
    /step 2 with learning rate \d/,
    `The last good weights are in ${output}`,
  ]);
  await access(join(output, "model.safetensors"));
});

test("a fault of the file system is one line too, and leaves nothing behind", async () => {
  const at = await place();
  await rm(join(at.model, "vocab.txt"));
  await mkdir(join(at.model, "vocab.txt"));
  const before = await snapshot(at.folder);
  const output = join(at.folder, "out");
  expectOneLine(await run("finetune", "--quiet", ...flags({ ...goodFlags(at), output })), ["vocab.txt"]);
  expect(await snapshot(at.folder)).toEqual(before);
});

describe("the command itself", () => {
  test.each([
    [["finetune", "--lerning-rate", "1"], "unknown option '--lerning-rate'"],
    [["finetun"], "unknown command 'finetun'"],
    [["finetune", "stray"], "too many arguments"],
    [["finetune", "--model"], "argument missing"],
  ])("%j", async (arguments_, says) => {
    const { exitCode, stderr, stdout } = await run(...arguments_);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(says);
    expect(stdout).toBe("");
  });

  test("--debug shows where a fault was found", async () => {
    const { stderr } = await run("--debug", "predict", "--model", "no-such-folder", "--text", "good");
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
