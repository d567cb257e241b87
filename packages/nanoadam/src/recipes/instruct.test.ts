/** Decoders that are taught by conversations and completions: whole runs, packed or not, measured again. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { evaluate } from "./evaluate.js";
import { finetune } from "./finetune.js";

const template =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

/** A decoder that knows conversations, and a file of them whose answers follow from their questions. */
async function place() {
  const folder = await temporaryFolder();
  const config = { ...tinyDecoders.llama, max_position_embeddings: 96 };
  const model = await writeTinyDecoder(join(folder, "decoder"), config);
  await writeFile(join(model, "chat_template.jinja"), template);
  const rows = Array.from({ length: 40 }, (_, row) => ({
    messages: [
      { role: "user", content: row % 2 === 0 ? "good" : "bad film" },
      { role: "assistant", content: row % 2 === 0 ? "it is good" : "bad" },
    ],
  }));
  const train = join(folder, "chats.jsonl");
  await writeFile(train, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const output = join(folder, "taught");
  const options = { model, train, output, threads: 1, learningRate: 1e-2, task: "causal-lm", batchSize: 4 } as const;
  return { folder, train, output, options };
}

describe("a run on conversations", () => {
  test("learns the answers, packed as well, and its folder gives what was measured", async () => {
    const { train, output, options } = await place();
    for (const pack of [false, true]) {
      const summary = await finetune({ ...options, pack, steps: 12, overwrite: true });
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(0.9 * before.loss);
      const notes = summary.data.notes.join("; ");
      expect(notes).toContain('"messages" is taken as the conversations');
      expect(notes.includes("32 training texts are packed into ")).toBe(pack);
      expect(summary.data).toMatchObject({ train: 32, evaluation: 8 });
      if (pack) expect(summary.stepsPerEpoch).toBeLessThan(8);
    }
    const answers = await evaluate({ model: output, data: train, threads: 1 });
    const all = await evaluate({ model: output, data: train, threads: 1, lossOn: "all" });
    expect(answers.examples).toBe(40);
    expect(all.evaluation.loss).not.toBeCloseTo(answers.evaluation.loss, 2);
  });

  test("takes the learning rate that it finds itself, over packed rows", async () => {
    const { options } = await place();
    const { learningRateTrials } = await finetune({
      ...options,
      pack: true,
      steps: 2,
      learningRate: "auto",
      maxLength: 64,
    });
    expect(learningRateTrials?.length).toBeGreaterThan(2);
  });

  test("says how many completions were cut away, and ends where all were", async () => {
    const { folder, options } = await place();
    const train = join(folder, "completions.jsonl");
    const long = "the film was the film was the film";
    const rows = Array.from({ length: 20 }, (_, row) => ({ prompt: row < 3 ? long : "is it", completion: " good" }));
    await writeFile(train, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const summary = await finetune({ ...options, train, maxLength: 24, steps: 1 });
    expect(summary.data).toMatchObject({ cutAway: 3, train: 14, evaluation: 3 });
    expect(summary.data.notes.join("; ")).toContain(
      "3 completions are cut away wholly by `maxLength` 24, and their rows left out",
    );
    await expectRefusal(
      finetune({ ...options, train, maxLength: 4, overwrite: true }),
      "completions.jsonl",
      "cut away wholly",
    );
  });
});

test("the command line has the same options", async () => {
  const { train, output, options } = await place();
  const common = ["--model", options.model, "--train", train, "--output", output, "--threads", "1", "--steps", "1"];
  const { stderr, exitCode } = await runCli(
    "finetune",
    ...common,
    "--task",
    "causal-lm",
    "--pack",
    "--loss-on",
    "assistant",
  );
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("packed into");
  for (const flags of [["--pack"], ["--loss-on", "all"]]) {
    const refused = await runCli("finetune", ...common, "--task", "masked-lm", ...flags);
    expect(refused.stderr).toContain(`${flags[0]} cannot go with masked-lm`);
  }
});
