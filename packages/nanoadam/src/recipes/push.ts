import { openAsBlob } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { finishCommit } from "../files/recover.js";
import { fetchOf } from "../hub/client.js";
import { modelCard } from "../hub/model-card.js";
import { modelReference } from "../hub/reference.js";
import { hubSettings } from "../hub/settings.js";
import { parseOptions } from "../options/parse-options.js";
import { type PushInput, pushSchema } from "../options/push-options.js";

export interface PushReport {
  /** Where the model is now. */
  readonly url: string;
  readonly files: readonly string[];
}

const cardFile = "README.md";

/**
 * Sends a model's folder to the Hugging Face Hub, as one commit: its files, and a model card where it has none.
 * @throws InputError where there is no token, or the Hub does not take it.
 */
export async function pushModel(input: PushInput): Promise<PushReport> {
  const { model, to, isPrivate } = parseOptions(pushSchema, input);
  const reference = modelReference(to);
  if (reference === undefined || to.includes("@")) throw new InputError(`\`to\` is "${to}", expected org/name`);
  const settings = await hubSettings();
  if (settings.isOffline) throw new InputError("nothing is pushed offline");
  if (settings.token === undefined)
    throw new InputError(`a token is needed to push: set HF_TOKEN, see ${settings.endpoint}/settings/tokens`);
  await finishCommit(model);
  const names = await filesOf(model);
  const files = await Promise.all(names.map(async (path) => ({ path, content: await openAsBlob(join(model, path)) })));
  if (!names.includes(cardFile)) {
    const card = modelCard(to, (await readJsonObject(join(model, "summary.json"))) ?? {});
    files.push({ path: cardFile, content: new Blob([card]) });
  }
  const { createRepo, HubApiError, uploadFiles } = await import("@huggingface/hub");
  const repo = { type: "model", name: to } as const;
  const hub = { hubUrl: settings.endpoint, fetch: fetchOf(settings) };
  const access = settings.token.startsWith("hf_") ? { accessToken: settings.token } : {};
  try {
    await createRepo({ repo, private: isPrivate, ...hub, accessToken: settings.token }).catch((error: unknown) => {
      if (!(error instanceof HubApiError) || error.statusCode !== 409) throw error;
    });
    await uploadFiles({ repo, files, commitTitle: "Fine-tuned with nanoadam", ...hub, ...access });
  } catch (error) {
    if (error instanceof HubApiError)
      throw new InputError(`${settings.endpoint} does not take ${to}: ${error.message.split(/\.*\s*URL: |\n/)[0]}`);
    if (error instanceof TypeError)
      throw new InputError(`${to} could not be pushed to ${settings.endpoint}: ${error.message}`);
    throw error;
  }
  return { url: `${settings.endpoint}/${to}`, files: files.map(({ path }) => path) };
}

/** The files of a folder that belong to a model: those of `onnx/`, too; nothing hidden, and no states of a run. */
async function filesOf(folder: string): Promise<string[]> {
  const own = await readdir(folder).catch(() => undefined);
  if (!own?.some((name) => ["config.json", "adapter_config.json"].includes(name))) {
    throw new InputError(`${folder} has no config.json, so it is no model folder`);
  }
  const inOnnx = own.includes("onnx") ? (await readdir(join(folder, "onnx"))).map((name) => `onnx/${name}`) : [];
  const files: string[] = [];
  for (const name of [...own.filter((each) => !each.startsWith(".")), ...inOnnx].sort()) {
    if ((await stat(join(folder, name))).isFile()) files.push(name);
  }
  return files;
}
