/** Files of the Hub in the standard cache. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { distance } from "fastest-levenshtein";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { commitOf, filesOf, type HubFile, UnreachableError } from "./client.js";
import { fetchFile, isThere, type Place, repositoryFolder, snapshotFolder } from "./download.js";
import type { HubReference } from "./reference.js";
import type { HubSettings } from "./settings.js";

/** Told, a sentence each, what is fetched. */
export type Tell = (notice: string) => void;

/** What belongs to a model beside its weights. */
const besideWeights =
  /^((config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|adapter_config|preprocessor_config)\.json|vocab\.txt|merges\.txt|chat_template\.jinja|(model|adapter_model)\.safetensors)$/;
const indexFile = "model.safetensors.index.json";

/**
 * The folder of a model in the cache, with all that is needed of it.
 * @throws InputError where it is neither there nor to be had
 */
export async function fetchModel(
  model: HubReference,
  settings: HubSettings,
  tell: Tell = () => undefined,
): Promise<string> {
  const place = await placeOf(model, settings, tell);
  const snapshot = snapshotFolder(place);
  if (place.isOffline) {
    if ((await isThere(join(snapshot, "config.json"))) || (await isThere(join(snapshot, "adapter_config.json"))))
      return snapshot;
    throw notCached(model, settings);
  }
  const files = await filesOf(model, place.commit, settings);
  const named = (path: string) => files.find((file) => file.path === path);
  const wanted = files.filter(({ path }) => besideWeights.test(path));
  const index = named(indexFile);
  if (index !== undefined && named("model.safetensors") === undefined) {
    const shards = await shardsOf(model, await fetchFile(model, index, place, settings));
    for (const shard of shards) {
      const file = named(shard);
      if (file === undefined) throw new InputError(`${model.name}: ${indexFile} names ${shard}, which is not there`);
      wanted.push(file);
    }
  }
  await fetchAll(model, wanted, { place, settings, tell });
  return snapshot;
}

/** The names of an index's shards. @throws InputError for one that leads elsewhere */
async function shardsOf({ name }: HubReference, path: string): Promise<Set<string>> {
  const shards = new Set(Object.values((await readJsonObject(path))?.weight_map ?? {}) as unknown[]);
  return new Set(
    [...shards].map((shard) => {
      if (typeof shard === "string" && /^[A-Za-z0-9][\w.-]*\.safetensors$/.test(shard)) return shard;
      throw new InputError(
        `${name}: ${indexFile} names the file ${JSON.stringify(shard)}, expected a .safetensors file of the same folder`,
      );
    }),
  );
}

const dataEndings = /\.(tsv|csv|jsonl|ndjson|json|parquet|txt|conll|iob)(\.gz)?$/;

/**
 * A file of a data set in the cache: the one that is named, or the only one of its training part.
 * @throws InputError where there is none, or several could be meant
 */
export async function fetchData(
  dataset: HubReference,
  file: string | undefined,
  settings: HubSettings,
  tell: Tell = () => undefined,
): Promise<string> {
  const place = await placeOf(dataset, settings, tell);
  if (place.isOffline) {
    if (file === undefined)
      throw new InputError(`${dataset.name}: name a file of the data set, as its list cannot be had offline`);
    const path = join(snapshotFolder(place), file);
    if (await isThere(path)) return path;
    throw notCached(dataset, settings);
  }
  const files = await filesOf(dataset, place.commit, settings);
  const chosen = chooseFile(dataset, files, file);
  await fetchAll(dataset, [chosen], { place, settings, tell });
  return join(snapshotFolder(place), chosen.path);
}

function chooseFile({ name }: HubReference, files: readonly HubFile[], asked: string | undefined): HubFile {
  const data = files.filter(({ path }) => dataEndings.test(path) && !/(^|\/)(README|dataset_infos?|\.)/i.test(path));
  if (asked !== undefined) {
    const found = files.find(({ path }) => path === asked);
    if (found !== undefined) return found;
    const near = data.map(({ path }) => path).sort((a, b) => distance(a, asked) - distance(b, asked));
    throw new InputError(`${name} has no file "${asked}"; it has ${near.slice(0, 8).join(", ") || "no data files"}`);
  }
  const training = data.filter(({ path }) => /train/i.test(path));
  const [one, other] = training.length > 0 ? training : data;
  if (one !== undefined && other === undefined) return one;
  const names = data.slice(0, 8).map(({ path }) => path);
  throw new InputError(
    `${name} has ${names.length === 0 ? "no data files" : `several data files (${names.join(", ")})`}; name one, as in hf://datasets/${name}/FILE`,
  );
}

/** A repository's place in the cache at the commit of its revision. */
async function placeOf(
  reference: HubReference,
  settings: HubSettings,
  tell: Tell,
): Promise<Place & { readonly isOffline: boolean }> {
  const folder = repositoryFolder(reference, settings);
  const cached = await cachedCommit(folder, reference.revision);
  if (settings.isOffline) {
    if (cached === undefined) throw notCached(reference, settings);
    return { folder, commit: cached, isOffline: true };
  }
  try {
    const commit = await commitOf(reference, settings);
    if (commit !== reference.revision) {
      const ref = join(folder, "refs", reference.revision);
      await mkdir(dirname(ref), { recursive: true });
      await writeFile(ref, commit);
    }
    return { folder, commit, isOffline: false };
  } catch (error) {
    if (!(error instanceof UnreachableError) || cached === undefined) throw error;
    tell(`${error.message}; ${reference.name} is taken from the cache`);
    return { folder, commit: cached, isOffline: true };
  }
}

async function cachedCommit(folder: string, revision: string): Promise<string | undefined> {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const commit = (await readFile(join(folder, "refs", revision), "utf8").catch(() => "")).trim();
  return /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
}

function notCached({ name, revision }: HubReference, { cache }: HubSettings): InputError {
  return new InputError(
    `${name}@${revision} is not in the cache ${cache}, or not all of it, and the Hub is not asked (offline)`,
  );
}

interface Fetching {
  readonly place: Place;
  readonly settings: HubSettings;
  readonly tell: Tell;
}

async function fetchAll(
  reference: HubReference,
  files: readonly HubFile[],
  { place, settings, tell }: Fetching,
): Promise<void> {
  const missing: HubFile[] = [];
  for (const file of files) if (!(await isThere(join(snapshotFolder(place), file.path)))) missing.push(file);
  const bytes = missing.reduce((sum, { size }) => sum + size, 0);
  if (missing.length > 0) {
    const count = missing.length === 1 ? "one file" : `${missing.length} files`;
    tell(`fetching ${count}, ${(bytes / 1e6).toPrecision(3)} MB, of ${reference.name} from ${settings.endpoint}`);
  }
  for (const file of missing) await fetchFile(reference, file, place, settings);
}
