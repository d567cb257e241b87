/** Models and data of the Hub in the standard cache, from a server that speaks its routes. */
import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type HubRepository, hubCommit, startHub } from "../testing/hub-server.js";
import { pythonHas, runPython } from "../testing/python.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import type { HubReference } from "./reference.js";
import { datasetReference, modelReference } from "./reference.js";
import { hubSettings } from "./settings.js";
import { fetchData, fetchModel } from "./snapshot.js";

const model: HubReference = { type: "model", name: "tiny/bert", revision: "main" };

async function repositoryOf(folder: string, more: HubRepository["files"] = {}): Promise<HubRepository> {
  const names = await readdir(folder);
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const));
  return {
    files: { ...Object.fromEntries(files), "flax_model.msgpack": "other", ...more },
    large: names.filter((name) => name.endsWith(".safetensors")),
  };
}

async function place(sharded = false, more: HubRepository["files"] = {}) {
  const folder = await temporaryFolder();
  const source = await writeTinyCheckpoint(join(folder, "source"), { sharded });
  const data: HubRepository = {
    type: "dataset",
    files: { "train.csv": "text,label\na,b\n", "test.csv": "text,label\n", "README.md": "" },
  };
  const hub = await startHub({
    "tiny/bert": await repositoryOf(source, more),
    "tiny/berta": { files: {} },
    "tiny/texts": data,
  });
  const settings = await hubSettings({ HF_HOME: join(folder, "home"), HF_ENDPOINT: hub.endpoint });
  const expected = async (snapshot: string) => {
    for (const name of await readdir(source)) {
      expect(await readFile(join(snapshot, name)), name).toEqual(await readFile(join(source, name)));
    }
  };
  return { folder, hub, settings, source, expected };
}

test.each([false, true])(
  "a model is fetched once, into the layout of huggingface_hub (in several files: %s)",
  async (sharded) => {
    const { hub, settings, source, expected } = await place(sharded);
    const told: string[] = [];
    const snapshot = await fetchModel(model, settings, (notice) => told.push(notice));
    const folder = join(settings.cache, "models--tiny--bert");
    expect(snapshot).toBe(join(folder, "snapshots", hubCommit));
    expect(await readFile(join(folder, "refs", "main"), "utf8")).toBe(hubCommit);
    await expected(snapshot);
    expect((await readdir(snapshot)).sort()).toEqual((await readdir(source)).sort());
    expect(await readlink(join(snapshot, "config.json"))).toMatch(/^..\/..\/blobs\/[0-9a-f]{40}$/);
    expect(told.join()).toMatch(/^fetching \d+ files, .* MB, of tiny\/bert/);
    const asked = hub.requests.filter((each) => each.includes("/resolve/")).length;
    await fetchModel(model, settings);
    expect(hub.requests.filter((each) => each.includes("/resolve/")).length).toBe(asked);
  },
);

test("a dropped connection goes on where it stopped, and a redirect is followed", async () => {
  const { hub, settings, expected } = await place();
  Object.assign(hub.faults, { drops: 3, redirects: true });
  await expected(await fetchModel(model, settings));
  expect(hub.requests.some((each) => / bytes=[1-9]\d*-$/.test(each))).toBe(true);
});

test("wrong bytes are refused, and never come into the cache", async () => {
  const { hub, settings, expected } = await place();
  hub.faults.isWrong = true;
  await expectRefusal(fetchModel(model, settings), /tiny\/bert: \S+ came with the hash [0-9a-f]+, expected [0-9a-f]+/);
  expect(await readdir(join(settings.cache, "models--tiny--bert", "blobs"))).toEqual([]);
  Object.assign(hub.faults, { isWrong: false, isLong: true });
  await expectRefusal(fetchModel(model, settings), /tiny\/bert: \S+ came with \d+ bytes, expected \d+/);
  expect(await readdir(join(settings.cache, "models--tiny--bert", "blobs"))).toEqual([]);
  hub.faults.isLong = false;
  await expected(await fetchModel(model, settings));
});

test("what another program has left half fetched is taken up, and thrown away where it is of something else", async () => {
  const { hub, settings, expected, source } = await place();
  const snapshot = await fetchModel(model, settings);
  const link = join(snapshot, "model.safetensors");
  const blob = join(snapshot, await readlink(link));
  for (const left of [
    (await readFile(join(source, "model.safetensors"))).subarray(0, 100),
    Buffer.from("nothing of it"),
  ]) {
    await rm(link);
    await rm(blob);
    await writeFile(`${blob}.incomplete`, left);
    await expected(await fetchModel(model, settings));
  }
  expect(hub.requests.filter((each) => / bytes=(100|13)-$/.test(each))).toHaveLength(2);
});

test("who may not, and what is not there, is told by name", async () => {
  const { hub, settings } = await place();
  await expectRefusal(fetchModel({ ...model, name: "tiny/bret" }, settings), /tiny\/bret is not on http/);
  await expectRefusal(fetchModel({ ...model, name: "small/bert" }, settings), /there is tiny\/bert, tiny\/berta/);
  await expectRefusal(fetchModel({ ...model, revision: "v2" }, settings), 'tiny/bert has no revision "v2"');
  hub.faults.token = "secret";
  await expectRefusal(fetchModel(model, settings), /or is private \(HF_TOKEN\)/);
  await expectRefusal(fetchModel(model, { ...settings, token: "wrong" }), /does not take the token/);
  await fetchModel(model, { ...settings, token: "secret" });
});

test.each(["../model.safetensors", "/etc/passwd.safetensors", "a/b.safetensors"])(
  "an index that names %s is refused",
  async (shard) => {
    const index = JSON.stringify({ weight_map: { weight: shard } });
    const { settings } = await place(true, { "model.safetensors.index.json": index });
    await expectRefusal(
      fetchModel(model, settings),
      `names the file "${shard}", expected a .safetensors file of the same folder`,
    );
  },
);

test("a repository whose files lead out of it is refused", async () => {
  const { settings } = await place(false, { "../../config.json": "{}" });
  await expectRefusal(fetchModel(model, settings), /has a file "..\/..\/config.json", whose name leads out/);
});

test("offline, and where the Hub is away, the cache answers", async () => {
  const { settings, expected } = await place();
  const offline = { ...settings, isOffline: true };
  await expectRefusal(fetchModel(model, offline), /tiny\/bert@main is not in the cache .* \(offline\)/);
  await fetchModel(model, settings);
  await expected(await fetchModel(model, offline));
  const told: string[] = [];
  const away = { ...settings, endpoint: "http://127.0.0.1:9" };
  await expected(await fetchModel(model, away, (notice) => told.push(notice)));
  expect(told.join()).toMatch(/cannot be reached: .*; tiny\/bert is taken from the cache/);
});

test("a data set's file, or its only one for training", async () => {
  const { settings } = await place();
  const fetch = (text: string) => {
    const { dataset, file } = datasetReference(text) ?? { dataset: model, file: undefined };
    return fetchData(dataset, file, settings);
  };
  expect(await readFile(await fetch("hf://datasets/tiny/texts/test.csv"), "utf8")).toBe("text,label\n");
  expect(await fetch("hf://datasets/tiny/texts")).toMatch(/datasets--tiny--texts\/snapshots\/[0-9a-f]+\/train.csv$/);
  await expectRefusal(fetch("hf://datasets/tiny/texts/tset.csv"), 'has no file "tset.csv"; it has test.csv, train.csv');
  await expectRefusal(async () => fetch("hf://spaces/tiny/texts"), /expected hf:\/\/datasets\/org\/name/);
});

test("names of the Hub", () => {
  expect(modelReference("org/name")).toEqual({ type: "model", name: "org/name", revision: "main" });
  expect(modelReference("org/name@refs/pr/1")).toMatchObject({ revision: "refs/pr/1" });
  for (const text of ["name", "./org/name", "a/b/c", "/a/b", "../name", "a/..", "models\\bert"])
    expect(modelReference(text)).toBeUndefined();
  expect(() => modelReference("org/name@../x")).toThrow(/is no revision/);
});

test.skipIf(!pythonHas("huggingface_hub"))(
  "Python's huggingface_hub finds what we fetched, and the other way round (needs PEER_HF)",
  async () => {
    const { folder, hub, settings, expected } = await place();
    const fetchByPython = async (home: string, isOffline: boolean) => {
      const script = "from huggingface_hub import snapshot_download; print(snapshot_download('tiny/bert'))";
      const environment = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_HUB_DISABLE_XET: "1" };
      return (await runPython(script, [], { ...environment, HF_HUB_OFFLINE: isOffline ? "1" : "0" })).trim();
    };
    const snapshot = await fetchModel(model, settings);
    expect(await fetchByPython(join(folder, "home"), true)).toBe(snapshot);
    const theirs = await fetchByPython(join(folder, "other"), false);
    const other = { ...settings, cache: join(folder, "other", "hub"), isOffline: true };
    expect(await fetchModel(model, other)).toBe(theirs);
    await expected(theirs);
  },
);
