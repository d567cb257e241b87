/** Requests to the Hub, and what its answers mean to a person. The Hub's library is loaded with the first that needs it. */
import { setTimeout as sleep } from "node:timers/promises";
import { distance } from "fastest-levenshtein";
import { InputError } from "../errors.js";
import { type HubReference, isRelativePath } from "./reference.js";
import type { HubSettings } from "./settings.js";

/** The Hub could not be reached. */
export class UnreachableError extends InputError {}

/** A file of a repository at a commit. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** What the cache calls its content: its SHA-256 where it is a large file, else git's hash of it. */
  readonly etag: string;
  readonly isLarge: boolean;
}

const attempts = 5;

function authorization({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** A request that is made again where the server is busy. @throws UnreachableError where no answer comes */
export async function request(
  url: string,
  settings: HubSettings,
  headers: Record<string, string> = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url, { headers: { ...authorization(settings), ...headers } });
      const isBusy = response.status === 429 || response.status >= 500;
      if (!isBusy || attempt === attempts) return response;
      await response.body?.cancel();
    } catch (error) {
      if (attempt === attempts || settings.isOffline) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
        throw new UnreachableError(`${new URL(url).origin} cannot be reached: ${cause || "no connection"}`);
      }
    }
    await sleep(100 * 2 ** attempt);
  }
}

/** The commit that a revision stands for now. @throws InputError where there is none, or it is not for everyone */
export async function commitOf(reference: HubReference, settings: HubSettings): Promise<string> {
  const { type, name, revision } = reference;
  const url = `${settings.endpoint}/api/${type}s/${name}/revision/${encodeURIComponent(revision)}`;
  const response = await request(url, settings);
  if (!response.ok) throw await refusalOf(response, reference, settings);
  const answer = (await response.json()) as { readonly sha?: unknown };
  if (typeof answer.sha === "string" && /^[0-9a-f]{40}$/.test(answer.sha)) return answer.sha;
  throw new InputError(`${settings.endpoint} names no commit of ${name}; is HF_ENDPOINT a Hub?`);
}

/** The files of a repository at a commit. */
export async function filesOf(reference: HubReference, commit: string, settings: HubSettings): Promise<HubFile[]> {
  const { HubApiError, listFiles } = await import("@huggingface/hub");
  const files: HubFile[] = [];
  const { type, name } = reference;
  const options = { repo: { type, name }, revision: commit, recursive: true, hubUrl: settings.endpoint };
  try {
    for await (const { type: kind, path, size, oid = "", lfs } of listFiles({ ...options, fetch: fetchOf(settings) })) {
      if (kind !== "file") continue;
      if (!isRelativePath(path))
        throw new InputError(`${name} has a file "${path}", whose name leads out of its folder`);
      const etag = lfs?.oid ?? oid;
      if (!/^[0-9a-f]{40,64}$/.test(etag))
        throw new InputError(`${name}: ${path} has the hash "${etag}", which is none`);
      files.push({ path, size: lfs?.size ?? size, etag, isLarge: lfs !== undefined });
    }
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    throw new InputError(`${settings.endpoint} does not list the files of ${name}: ${error.statusCode}`);
  }
  return files;
}

/** A fetch that has the token with it, for the Hub and no other address. */
export function fetchOf(settings: HubSettings): typeof fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const isHub = url.origin === new URL(settings.endpoint).origin;
    const headers = new Headers(init?.headers);
    for (const [name, value] of Object.entries(authorization(settings))) headers.set(name, value);
    return fetch(input, isHub ? { ...init, headers } : init);
  };
}

/** What an answer other than a result means. */
export async function refusalOf(
  response: Response,
  reference: HubReference,
  settings: HubSettings,
): Promise<InputError> {
  const { name, revision } = reference;
  const code = response.headers.get("x-error-code");
  await response.body?.cancel();
  if (code === "GatedRepo") {
    return new InputError(`${name} asks to accept its terms first, at ${settings.endpoint}/${name}; then set HF_TOKEN`);
  }
  if (code === "RevisionNotFound") return new InputError(`${name} has no revision "${revision}"`);
  if (response.status === 401 && settings.token !== undefined) {
    return new InputError(`${settings.endpoint} does not take the token of HF_TOKEN, or ${name} is not there`);
  }
  if ([401, 403, 404].includes(response.status)) {
    const near = reference.type === "model" ? await nearNames(name, settings) : [];
    const hint = near.length === 0 ? "" : `; there is ${near.join(", ")}`;
    return new InputError(`${name} is not on ${settings.endpoint}, or is private (HF_TOKEN)${hint}`);
  }
  return new InputError(`${settings.endpoint} answers ${response.status} for ${name}`);
}

/** Up to three models whose names are like this one's. */
async function nearNames(name: string, settings: HubSettings): Promise<string[]> {
  const { listModels } = await import("@huggingface/hub");
  const query = name.split("/")[1] ?? name;
  const found: string[] = [];
  try {
    for await (const model of listModels({
      search: { query },
      limit: 20,
      hubUrl: settings.endpoint,
      fetch: fetchOf(settings),
    }))
      found.push(model.name);
  } catch {
    return [];
  }
  return found.sort((a, b) => distance(a, name) - distance(b, name)).slice(0, 3);
}
