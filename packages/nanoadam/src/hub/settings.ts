/** What the environment says of the Hugging Face Hub, as Python's huggingface_hub reads it. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { InputError } from "../errors.js";

type Environment = Readonly<Record<string, string | undefined>>;

export interface HubSettings {
  readonly endpoint: string;
  /** The folder of the cache. */
  readonly cache: string;
  readonly token: string | undefined;
  readonly isOffline: boolean;
}

export async function hubSettings(environment: Environment = process.env): Promise<HubSettings> {
  const told = (name: string) => environment[name]?.trim() || undefined;
  const home = told("HF_HOME") ?? join(told("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  const endpoint = (told("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint)) throw new InputError(`HF_ENDPOINT is "${endpoint}", expected an address`);
  return {
    endpoint,
    cache: told("HF_HUB_CACHE") ?? told("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
    token:
      told("HF_TOKEN") ??
      told("HUGGING_FACE_HUB_TOKEN") ??
      (await savedToken(told("HF_TOKEN_PATH") ?? join(home, "token"))),
    isOffline: /^(1|on|yes|true)$/i.test(told("HF_HUB_OFFLINE") ?? ""),
  };
}

/** What `hf auth login` has left. */
async function savedToken(path: string): Promise<string | undefined> {
  return (await readFile(path, "utf8").catch(() => "")).trim() || undefined;
}
