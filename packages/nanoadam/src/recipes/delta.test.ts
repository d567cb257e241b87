/** What is kept of a fine-tuned model beside its base gives every file back, bit for bit. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { InputError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import type { TinyCheckpointOptions } from "../testing/tiny-checkpoint.js";
import { type TinyPlace, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { applyDelta } from "./apply-delta.js";
import { writeDelta } from "./delta.js";

async function hashesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const hashes = await Promise.all(
    names.map(async (name) => [
      name,
      createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex"),
    ]),
  );
  return Object.fromEntries(hashes);
}

interface Case {
  readonly checkpoint?: TinyCheckpointOptions;
  readonly run?: Partial<FinetuneInput>;
}

const cases: Readonly<Record<string, Case>> = {
  "a classifier on an encoder": { checkpoint: { head: "none" } },
  "a classifier on an encoder whose names have no prefix": { checkpoint: { head: "bare" } },
  "old names of normalisations": { checkpoint: { head: "bare", oldNames: true } },
  "weights in bfloat16": { checkpoint: { dtype: "BF16" } },
  "a base in two files": { checkpoint: { sharded: true } },
  "every weight changed": { run: { optimizer: "adamw" } },
  "another type than the base's": { run: { saveDtype: "float16" } },
  "an adapter": { run: { loraRank: 2 } },
  RoBERTa: { checkpoint: { architecture: "roberta" } },
};

async function trained({
  checkpoint = {},
  run = {},
}: Case): Promise<{ place: TinyPlace; model: string; delta: string }> {
  const place = await tinyPlace(checkpoint);
  const { folder } = await tinyRun({ density: 0.05, ...run }, place);
  return { place, model: folder, delta: join(place.folder, "small.safetensors") };
}

test.each(Object.entries(cases))("%s", async (_, options) => {
  const { place, model, delta } = await trained(options);
  await writeDelta({ model, base: place.model, output: delta });
  const output = join(place.folder, "rebuilt");
  await applyDelta({ base: place.model, delta, output });
  expect(await hashesOf(output)).toEqual(await hashesOf(model));
});

test("what the base has is not kept again", async () => {
  const { place, model, delta } = await trained({ checkpoint: { vocabularySize: 20_000 } });
  const report = await writeDelta({ model, base: place.model, output: delta });
  expect(report).toMatchObject({ file: delta, bytes: (await stat(delta)).size });
  expect(report.changed).toBeLessThan(0.2 * report.entries);
  expect(report.bytes).toBeLessThan(0.1 * report.folderBytes);
});

test("a folder takes the file under a name of its own, and gives it again", async () => {
  const { place, model } = await trained({});
  const { file } = await writeDelta({ model, base: place.model, output: place.folder });
  expect(file).toBe(join(place.folder, "delta.safetensors"));
  await expectRefusal(writeDelta({ model, base: place.model, output: place.folder }), /exists; pass `overwrite`/);
  const output = join(place.folder, "rebuilt");
  await applyDelta({ base: place.model, delta: place.folder, output });
  expect(await hashesOf(output)).toEqual(await hashesOf(model));
});

test("another base is refused, and nothing is written", async () => {
  const { place, model, delta } = await trained({});
  await writeDelta({ model, base: place.model, output: delta });
  const output = join(place.folder, "rebuilt");
  const other = await tinyPlace({ seed: 9 });
  await expectRefusal(
    applyDelta({ base: other.model, delta, output }),
    `${delta} is of the base model, but ${other.model} is another one`,
    /SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}/,
  );
  const distilbert = await tinyPlace({ architecture: "distilbert" });
  await expectRefusal(
    applyDelta({ base: distilbert.model, delta, output }),
    /is of the base model, but .* has no tensor/,
  );
  await expectRefusal(
    applyDelta({ base: place.model, delta: join(place.model, "model.safetensors"), output }),
    /it is no delta/,
  );
  await expect(stat(output)).rejects.toThrow();
});

test("a damaged delta is refused, or gives the same files", async () => {
  const { place, model, delta } = await trained({});
  await writeDelta({ model, base: place.model, output: delta });
  const whole = await readFile(delta);
  const expected = await hashesOf(model);
  const output = join(place.folder, "rebuilt");
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (place_, change) => {
      const damaged = Buffer.from(whole);
      damaged[place_] = (damaged[place_] ?? 0) ^ change;
      await writeFile(delta, damaged);
      try {
        await applyDelta({ base: place.model, delta, output, overwrite: true });
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return;
      }
      expect(await hashesOf(output)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});
