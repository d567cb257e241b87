/** Whole commands with names of the Hub, against a server that speaks its routes. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { startHub } from "../testing/hub-server.js";
import { expectRefusal } from "../testing/refusal.js";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { predict } from "./predict.js";
import { pushModel } from "./push.js";

test("a model and data of the Hub are trained on and the result is pushed; nothing is sent beside", async () => {
  const place = await tinyPlace({ head: "none" });
  const names = await readdir(place.model);
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(place.model, name))] as const));
  const hub = await startHub({
    "tiny/bert": { files: Object.fromEntries(files), large: ["model.safetensors"] },
    "tiny/texts": { type: "dataset", files: { "data/train.tsv": await readFile(place.train) } },
  });
  vi.stubEnv("HF_HOME", join(place.folder, "home"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_TOKEN", "");
  try {
    const { folder } = await tinyRun({ model: "tiny/bert@main", train: "hf://datasets/tiny/texts" }, place);
    expect(await predict({ model: folder, text: "good", threads: 1 })).toHaveLength(1);
    await expectRefusal(pushModel({ model: folder, to: "me/reviews" }), /a token is needed to push: set HF_TOKEN/);
    vi.stubEnv("HF_TOKEN", "hf_secret");
    hub.faults.token = "hf_secret";
    const { url } = await pushModel({ model: folder, to: "me/reviews" });
    expect(url).toBe(`${hub.endpoint}/me/reviews`);
    const pushed = hub.pushed.get("me/reviews");
    for (const name of await readdir(folder)) expect(pushed?.get(name)).toEqual(await readFile(join(folder, name)));
    const card = pushed?.get("README.md")?.toString() ?? "";
    expect(card).toMatch(/^---\nlibrary_name: transformers\nbase_model: tiny\/bert\ntags:\n- nanoadam\n---\n/);
    expect(card).toMatch(/tiny\/bert, fine-tuned for classification in 4 steps by nanoadam with nanoadam \d/);
    expect(card).toMatch(/\| accuracy \| [\d.]+ \|/);
    expect(card).toMatch(/% of the weights differ/);
    const asked = hub.requests.length;
    const { exitCode, stderr } = await runCli(
      ...["--offline", "finetune", "--model", "tiny/bert", "--train", "hf://datasets/tiny/texts/data/train.tsv"],
      ...["--text", "sentence", "--label", "label", "--steps", "1", "--output", `${folder}-offline`],
    );
    expect([exitCode, hub.requests.length], stderr).toEqual([0, asked]);
    vi.stubEnv("HF_HUB_OFFLINE", "");
    vi.stubEnv("HF_TOKEN", "hf_other");
    await expectRefusal(
      pushModel({ model: folder, to: "me/reviews" }),
      /does not take me\/reviews: Invalid username or password$/,
    );
  } finally {
    vi.unstubAllEnvs();
  }
});
