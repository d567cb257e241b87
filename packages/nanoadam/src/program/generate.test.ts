/** What transformers generates, with the cache and without; and texts together as each alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, type Runtime } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { fixtureFiles, readFixture, sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openCheckpoint } from "../checkpoint/checkpoint.js";
import { narrowToBfloat16 } from "../checkpoint/floats.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { defineModel } from "../models/architectures.js";
import { drawnModel } from "../testing/further-encoders.js";
import { likeliestTokens } from "../testing/likeliest-tokens.js";
import { expectRefusal } from "../testing/refusal.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { type BeamOptions, searchBeams } from "./beam-search.js";
import type { Weights } from "./compile-stages.js";
import { Decoding } from "./decoding.js";
import { type GenerationOptions, generateTokens } from "./generate.js";
import { ProgramCache } from "./program-cache.js";

const runtime = await cpuRuntime({ threads: 1 });
const likeliest = { temperature: 0, seed: 0, endIds: new Set<number>(), maxNewTokens: 20 };
const sampled = { ...likeliest, temperature: 1.5, topK: 200, topP: 0.95, minP: 1e-3, repetitionPenalty: 1.1, seed: 3 };

function programsOf(config: Readonly<Record<string, unknown>>, on: Runtime = runtime): ProgramCache {
  const { model, weights } = drawnModel(config, nextToken);
  return new ProgramCache({ model, weights, runtime: on, arena: new Arena() });
}

async function answersOf(decoding: Decoding, options: GenerationOptions): Promise<number[][]> {
  const answers = decoding.tokens.map((): number[] => []);
  for await (const step of generateTokens(decoding, options)) {
    for (const [row, token] of step.entries()) if (token !== undefined) answers[row]?.push(token);
  }
  return answers;
}

async function answersTo(programs: ProgramCache, prompts: readonly number[][], options: GenerationOptions) {
  const decoding = new Decoding(programs, prompts.length);
  await decoding.append(prompts);
  return answersOf(decoding, options);
}

const prompts = [[1, 5, 9, 17, 40, 8, 11, 23, 77], [1], [1, 6, 12, 90]];
const decoders = Object.entries(tinyDecoders);

describe.each(decoders)("%s", (_, config) => {
  test("gives with the cache what it gives without, texts of several lengths at a time", async () => {
    const programs = programsOf(config);
    const answers = await answersTo(programs, prompts, likeliest);
    for (const [row, prompt] of prompts.entries()) {
      // Its rotary base follows the longest text, and cached keys keep the one of their time, as in transformers.
      if ("rope_scaling" in config) continue;
      const whole = { width: prompt.length, ids: prompt, mask: prompt.map(() => 1) };
      expect([...(await likeliestTokens(programs, whole, 20))].slice(prompt.length)).toEqual(answers[row]);
    }
    await programs.release();
  });

  test("draws for a text what it draws for it alone", async () => {
    const programs = programsOf(config);
    const together = await answersTo(programs, prompts, sampled);
    for (const [row, prompt] of prompts.entries()) {
      expect(await answersTo(programs, [prompt], sampled)).toEqual([together[row]]);
    }
    expect(await answersTo(programs, prompts, { ...sampled, seed: 4 })).not.toEqual(together);
    await programs.release();
  });
});

const files = fixtureFiles(/causal_lm\.safetensors$/).filter((file) =>
  readFixture(file).tensors.has("generate.output_ids"),
);

describe.skipIf(files.length === 0)("the fixtures' tokens", () => {
  test.each(files)("%s", async (file) => {
    const { metadata, tensors } = readFixture(file);
    const model = defineModel(metadata.config as Record<string, unknown>, nextToken);
    const weights = new Map(
      model.parameters.map(({ name }) => [name, tensors.get(`param.${name}`)?.values as Float32Array]),
    );
    const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
    const rowsOf = (name: string) => {
      const { shape = [], values = [] } = tensors.get(`generate.${name}`) ?? {};
      const [rows = 0, columns = 0] = shape;
      return Array.from({ length: rows }, (_, row) =>
        Array.from(values.slice(row * columns, (row + 1) * columns), Number),
      );
    };
    const masks = rowsOf("attention_mask");
    const given = rowsOf("input_ids").map((ids, row) => ids.filter((_, place) => masks[row]?.[place] === 1));
    const expected = rowsOf("output_ids").map((ids) => ids.slice(masks[0]?.length));
    const options = { ...likeliest, maxNewTokens: expected[0]?.length ?? 0 };
    expect(await answersTo(programs, given, options)).toEqual(expected);
    await programs.release();
  });
});

interface Generated extends Omit<BeamOptions, "endIds"> {
  readonly model: string;
  readonly endIds: readonly number[];
  readonly prompt: number[];
  readonly answer: readonly number[];
}

/** Written by transformers 5.18 on 26 November 2026, from the tiny decoders' folders and stories260K. */
const generated: readonly Generated[] = JSON.parse(
  readFileSync(new URL("../testing/generated-tokens.json", import.meta.url), "utf8"),
);

async function programsNamed(name: string): Promise<ProgramCache> {
  const tiny = decoders.find(([own]) => own === name);
  if (tiny !== undefined) return programsOf(tiny[1]);
  const checkpoint = await openCheckpoint(join(sharedDataFolder, "models", name));
  const { model, weights } = await loadPretrained(checkpoint, nextToken, 0).finally(() => checkpoint.close());
  return new ProgramCache({ model, weights, runtime, arena: new Arena() });
}

describe.each([...new Set(generated.map(({ model }) => model))])("beams and penalties of transformers: %s", (name) => {
  const isThere = sharedDataIsPresent || name in tinyDecoders;
  test.skipIf(!isThere).each(generated.filter(({ model }) => model === name))(
    "$beams beams, length $lengthPenalty, stopping $earlyStopping, repetition $repetitionPenalty, ends $endIds",
    async ({ prompt, answer, endIds, ...options }) => {
      const programs = await programsNamed(name);
      const decoding = new Decoding(programs, 1);
      await decoding.append([prompt]);
      const settings = { ...options, endIds: new Set(endIds) };
      const found =
        options.beams === 1
          ? (await answersOf(decoding, { ...likeliest, ...settings }))[0]
          : await searchBeams(decoding, settings);
      expect(found).toEqual(answer);
      await programs.release();
    },
  );
});

test("a long prompt goes in piece by piece, and what a text has in common with the one before is kept", async () => {
  const programs = programsOf({ ...tinyDecoders.llama, max_position_embeddings: 2048 });
  const long = Array.from({ length: 700 }, (_, place) => 3 + ((place * 37) % 290));
  const decoding = new Decoding(programs, 1);
  await decoding.append([long]);
  const [answer] = await answersOf(decoding, { ...likeliest, maxNewTokens: 3 });
  const whole = { width: 700, ids: long, mask: long.map(() => 1) };
  expect([...(await likeliestTokens(programs, whole, 3))].slice(700)).toEqual(answer);

  const other = [...long.slice(0, 650), 7, 8, 9];
  await decoding.continueTo(0, other);
  expect(decoding.tokens).toEqual([other]);
  expect(await answersOf(decoding, { ...likeliest, maxNewTokens: 3 })).toEqual(
    await answersTo(programs, [other], { ...likeliest, maxNewTokens: 3 }),
  );
  await programs.release();
});

test("500 tokens take as many programs as the cache doubles, and no memory but the cache's", async () => {
  let compiled = 0;
  const counting: Runtime = {
    ...runtime,
    async compile(tensors) {
      if (tensors.name.includes("embed_tokens")) compiled++;
      return runtime.compile(tensors);
    },
  };
  const { model, weights } = drawnModel({ ...tinyDecoders.llama, num_hidden_layers: 1 }, nextToken);
  const arena = new Arena();
  const programs = new ProgramCache({ model, weights, runtime: counting, arena });
  const decoding = new Decoding(programs, 1);
  await decoding.append([[1]]);
  let sizes = new Map<number, Set<number>>();
  let length = 0;
  for await (const _ of generateTokens(decoding, { ...likeliest, maxNewTokens: 500 })) {
    length = decoding.tokens[0]?.length ?? 0;
    const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(length)));
    sizes = sizes.set(capacity, (sizes.get(capacity) ?? new Set()).add(arena.bytes + decoding.cacheBytes));
  }
  expect(length).toBe(500);
  // 64, 128, 256 and 512 places.
  expect(compiled).toBe(4);
  expect([...sizes.values()].map(({ size }) => size)).toEqual([1, 1, 1, 1]);
  await programs.release();
});

test("weights in bfloat16 stay so, and say what they say in float32", async () => {
  const { model, weights } = drawnModel(tinyDecoders.llama, nextToken);
  const halves = new Map(
    [...weights].map(([name, values]) => {
      const half = new Uint16Array(values.length);
      narrowToBfloat16(values, half);
      return [name, half] as const;
    }),
  );
  const wide = [...halves].map(([name, half]): [string, Float32Array] => {
    const bits = Uint32Array.from(half, (each) => each << 16);
    return [name, new Float32Array(bits.buffer)];
  });
  const answerOf = async (own: Weights) => {
    const programs = new ProgramCache({ model, weights: own, runtime, arena: new Arena() });
    return answersTo(programs, prompts, likeliest).finally(() => programs.release());
  };
  const roles = new Map(model.parameters.map(({ name, role }) => [name, role]));
  const stored: Weights = new Map(
    wide.map(([name, values]) => {
      const isHalf = roles.get(name) === "weight" || roles.get(name) === "embedding" || roles.get(name) === "head";
      return [name, isHalf ? (halves.get(name) ?? values) : values];
    }),
  );
  expect(await answerOf(stored)).toEqual(await answerOf(new Map(wide)));
});

test("a model that gives no numbers is refused", async () => {
  const { model, weights } = drawnModel(tinyDecoders.llama, nextToken);
  weights.get("model.norm.weight")?.fill(Number.NaN);
  const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
  await expectRefusal(answersTo(programs, prompts, likeliest), "logits are not finite");
  const decoding = new Decoding(programs, 1);
  await decoding.append([[1]]);
  await expectRefusal(searchBeams(decoding, { ...likeliest, beams: 2 }), "logits are not finite");
  await programs.release();
});
