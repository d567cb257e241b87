import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyPlace } from "../testing/tiny-run.js";

test.each([
  ["classification", "predict", "--text"],
  ["causal-lm", "generate", "--prompt"],
  ["masked-lm", undefined, undefined],
])("a run of %s says in the end how the model is asked", async (task, command, flag) => {
  const { folder, model } = await tinyPlace();
  const [decoder, train] = [join(await temporaryFolder(), "decoder"), join(folder, "rows.jsonl")];
  await writeTinyDecoder(decoder, tinyDecoders.llama);
  await writeFile(
    train,
    tinyRows(30)
      .map(({ sentence, label }) => `${JSON.stringify({ text: sentence, label })}\n`)
      .join(""),
  );
  const output = join(folder, "out");
  const { exitCode, stdout, stderr } = await runCli(
    ...["finetune", "--task", task, "--model", task === "causal-lm" ? decoder : model, "--train", train],
    ...["--text", "text", "--steps", "1", "--threads", "1", "--output", output],
  );
  expect(exitCode, stderr).toBe(0);
  const tries = /^try it: .*$/m.exec(stdout)?.[0];
  expect(tries).toBe(command && `try it: nanoadam ${command} --model ${output} ${flag} "..."`);
});
