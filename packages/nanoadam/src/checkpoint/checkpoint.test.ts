import { copyFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { openCheckpoint } from "./checkpoint.js";
import { encodeSafetensorsHeader, type SafetensorsDtype } from "./safetensors.js";
import { writeSafetensors } from "./write-safetensors.js";

interface RawTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: number[];
  readonly data: Float32Array | Float64Array | Uint16Array | BigInt64Array;
}

/** Writes a safetensors file from raw data, without the product's writer. */
async function writeRaw(path: string, tensors: Record<string, RawTensor>): Promise<void> {
  const header = encodeSafetensorsHeader(Object.entries(tensors).map(([name, raw]) => ({ name, ...raw })));
  const data = Object.values(tensors).map(({ data }) => new Uint8Array(data.buffer));
  await writeFile(path, Buffer.concat([header, ...data]));
}

async function modelFolder(tensors: Record<string, RawTensor>, config = '{"architectures":["BertModel"]}') {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "config.json"), config);
  await writeRaw(join(folder, "model.safetensors"), tensors);
  return folder;
}

const two: RawTensor = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) };

describe("reading", () => {
  test("every float dtype is widened to float32", async () => {
    const folder = await modelFolder({
      single: { dtype: "F32", shape: [2], data: Float32Array.of(1.5, -2) },
      brain: { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3fc0, 0xc000) },
      half: { dtype: "F16", shape: [1, 2], data: Uint16Array.of(0x3e00, 0xc000) },
      double: { dtype: "F64", shape: [2], data: Float64Array.of(1.5, -2) },
    });
    const checkpoint = await openCheckpoint(folder);
    for (const name of checkpoint.entries.keys()) {
      expect([...(await checkpoint.readFloat32(name))], name).toEqual([1.5, -2]);
    }
    expect(checkpoint.config).toEqual({ architectures: ["BertModel"] });
    await checkpoint.close();
  });

  test("elements land in the target that is given", async () => {
    const checkpoint = await openCheckpoint(await modelFolder({ w: two }));
    const memory = new Float32Array(4);
    const target = memory.subarray(1, 3);
    expect(await checkpoint.readFloat32("w", target)).toBe(target);
    expect([...memory]).toEqual([0, 1, 2, 0]);
    await checkpoint.close();
  });

  test("a tensor longer than one piece is read whole", async () => {
    const data = Float32Array.from({ length: 2 ** 20 + 5 }, (_, i) => i);
    const checkpoint = await openCheckpoint(await modelFolder({ w: { dtype: "F32", shape: [data.length], data } }));
    expect(bytesOf(await checkpoint.readFloat32("w")).equals(bytesOf(data))).toBe(true);
    await checkpoint.close();
  });

  test("shards are found through the index", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "{}");
    await writeRaw(join(folder, "model-1.safetensors"), { a: two });
    await writeRaw(join(folder, "model-2.safetensors"), { b: two });
    const weightMap = { a: "model-1.safetensors", b: "model-2.safetensors" };
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    const checkpoint = await openCheckpoint(folder);
    expect([...checkpoint.entries.values()].map(({ name, file }) => [name, file])).toEqual([
      ["a", join(folder, "model-1.safetensors")],
      ["b", join(folder, "model-2.safetensors")],
    ]);
    expect([...(await checkpoint.readFloat32("b"))]).toEqual([1, 2]);
    await checkpoint.close();
  });

  test.skipIf(!sharedDataIsPresent)(
    "a real BERT, written again, keeps every byte of data (needs shared/data)",
    async () => {
      const source = join(sharedDataFolder, "models", "minibert");
      const checkpoint = await openCheckpoint(source);
      const tensors = [...checkpoint.entries.values()].map(({ name, shape }) => ({
        name,
        shape,
        dtype: "F32" as const,
        values: () => checkpoint.readFloat32(name),
      }));
      const folder = await temporaryFolder();
      await copyFile(join(source, "config.json"), join(folder, "config.json"));
      await writeSafetensors(join(folder, "model.safetensors"), tensors);
      const copy = await openCheckpoint(folder);
      expect(copy.entries.size).toBe(checkpoint.entries.size);
      for (const name of checkpoint.entries.keys()) {
        expect(Buffer.compare(bytesOf(await copy.readFloat32(name)), bytesOf(await checkpoint.readFloat32(name)))).toBe(
          0,
        );
      }
      await copy.close();
      await checkpoint.close();
    },
  );
});

function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

describe("refused", () => {
  test("a folder that is missing, or is a file", async () => {
    const folder = await temporaryFolder();
    await expectRefusal(openCheckpoint(join(folder, "absent")), /The model folder .*absent does not exist/);
    await writeFile(join(folder, "file"), "");
    await expectRefusal(openCheckpoint(join(folder, "file")), /file is a file, expected a model folder/);
  });

  test("config.json that is missing, not JSON, or no object", async () => {
    await expectRefusal(openCheckpoint(await temporaryFolder()), /has no config\.json/);
    await expectRefusal(openCheckpoint(await modelFolder({ w: two }, "{oops")), /config\.json is not valid JSON/);
    await expectRefusal(openCheckpoint(await modelFolder({ w: two }, "[1]")), /config\.json: expected a JSON object/);
  });

  test("a folder without weights, listing what it holds", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "{}");
    await expectRefusal(openCheckpoint(folder), /has no model\.safetensors and no .*; it holds config\.json/);
  });

  test.each(["pytorch_model.bin", "weights.pt", "weights.pth", "last.ckpt"])("pickled weights (%s)", async (name) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), '{"architectures":["BertModel"]}');
    await writeFile(join(folder, name), "pickle");
    await expectRefusal(
      openCheckpoint(folder),
      `${name} is a pickle`,
      /is a pickle.*convert it once with: python -c "from transformers import BertModel; BertModel\.from_pretrained\('.*'\)\.save_pretrained\('.*', safe_serialization=True\)"/,
    );
  });

  test("a file that is cut off, before or after it was opened", async () => {
    const folder = await modelFolder({ w: two });
    const path = join(folder, "model.safetensors");
    const { length } = await readFile(path);
    const checkpoint = await openCheckpoint(folder);
    await truncate(path, length - 3);
    await expectRefusal(checkpoint.readFloat32("w"), /ends at byte \d+, inside tensor "w"; it is cut off/);
    await checkpoint.close();
    await expectRefusal(
      openCheckpoint(folder),
      /tensor "w" ends at byte \d+ but the file has \d+ bytes; is it cut off/,
    );
    await truncate(path, 20);
    await expectRefusal(openCheckpoint(folder), /header should have \d+ bytes but the file has only 20/);
    await truncate(path, 0);
    await expectRefusal(openCheckpoint(folder), /has 0 bytes, too few/);
  });

  test("a weight file that is a folder", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "{}");
    await mkdir(join(folder, "model.safetensors"));
    await expectRefusal(openCheckpoint(folder), /model\.safetensors could not be (read|opened)/);
  });

  test("NaN and infinite weights, with the tensor and the flat index", async () => {
    const checkpoint = await openCheckpoint(
      await modelFolder({
        nan: { dtype: "F32", shape: [2, 2], data: Float32Array.of(0, 1, Number.NaN, 2) },
        infinite: { dtype: "BF16", shape: [2], data: Uint16Array.of(0, 0xff80) },
        large: { dtype: "F64", shape: [1], data: Float64Array.of(1e300) },
      }),
    );
    await expectRefusal(checkpoint.readFloat32("nan"), /tensor "nan" is NaN at flat index 2/);
    await expectRefusal(checkpoint.readFloat32("infinite"), /tensor "infinite" is -Infinity at flat index 1/);
    await expectRefusal(checkpoint.readFloat32("large"), /tensor "large" is Infinity at flat index 0/);
    await checkpoint.close();
  });

  test("unknown tensors, integer tensors and targets of another length", async () => {
    const folder = await modelFolder({ w: two, ids: { dtype: "I64", shape: [1], data: BigInt64Array.of(3n) } });
    const checkpoint = await openCheckpoint(folder);
    await expectRefusal(checkpoint.readFloat32("v"), /has no tensor "v"/);
    await expectRefusal(checkpoint.readFloat32("ids"), /tensor "ids" has dtype I64, expected F32, F16, BF16 or F64/);
    await expectRefusal(checkpoint.readFloat32("w", new Float32Array(3)), /shape \[2\], that is 2 elements, but 3/);
    await checkpoint.close();
  });

  test.each([
    ["no weight_map", {}, /has no object "weight_map"/],
    [
      "a shard that is missing",
      { weight_map: { a: "no.safetensors" } },
      /no\.safetensors could not be opened: no such/,
    ],
    [
      "a shard outside the folder",
      { weight_map: { a: "../x.safetensors" } },
      /tensor "a" is "\.\.\/x\.safetensors", exp/,
    ],
    [
      "a tensor that the shard lacks",
      { weight_map: { z: "s.safetensors" } },
      /s\.safetensors does not hold tensor "z"/,
    ],
  ])("an index with %s", async (_, index, message) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), "{}");
    await writeRaw(join(folder, "s.safetensors"), { a: two });
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
    await expectRefusal(openCheckpoint(folder), message);
  });
});
