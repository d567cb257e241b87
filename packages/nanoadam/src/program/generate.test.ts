/** What transformers generates, with the cache and without; and texts together as each alone. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { fixtureFiles, readFixture } from "../../../../testing/fixtures.js";
import { defineModel } from "../models/architectures.js";
import { assembleModel } from "../models/model.js";
import { drawnModel } from "../testing/further-encoders.js";
import { likeliestTokens } from "../testing/likeliest-tokens.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { searchBeams } from "./beam-search.js";
import { Decoding } from "./decoding.js";
import { type GenerationOptions, generateTokens } from "./generate.js";
import { ProgramCache } from "./program-cache.js";

const runtime = await cpuRuntime({ threads: 1 });
const greedy = { temperature: 0, seed: 0, endIds: new Set<number>(), maxNewTokens: 24 };
void defineModel;
void assembleModel;
void searchBeams;
void drawnModel;
void tinyDecoders;

async function answers(decoding: Decoding, options: GenerationOptions): Promise<number[][]> {
  const rows = decoding.tokens.map((): number[] => []);
  for await (const step of generateTokens(decoding, options)) {
    for (const [row, token] of step.entries()) if (token !== undefined) rows[row]?.push(token);
  }
  return rows;
}
void likeliestTokens;

const files = fixtureFiles(/causal_lm\.safetensors$/).filter((file) =>
  readFixture(file).tensors.has("generate.output_ids"),
);

describe.skipIf(files.length === 0)("the fixtures' tokens", () => {
  test.each(files)("%s", async (file) => {
    const fixture = readFixture(file);
    const config = fixture.metadata.config as Record<string, unknown>;
    const model = defineModel(config, nextToken);
    const weights = new Map(
      model.parameters.map(({ name }) => [name, fixture.tensors.get(`param.${name}`)?.values as Float32Array]),
    );
    const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
    const given = (name: string) => fixture.tensors.get(`generate.${name}`);
    const width = given("input_ids")?.shape[1] ?? 0;
    const rowsOf = (name: string) => {
      const [rows = 0, columns = 0] = given(name)?.shape ?? [];
      const values = [...(given(name)?.values ?? [])] as number[];
      return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
    };
    const masks = rowsOf("attention_mask");
    const prompts = rowsOf("input_ids").map((ids, row) => ids.filter((_, place) => masks[row]?.[place] === 1));
    const decoding = new Decoding(programs, prompts.length);
    await decoding.append(prompts);
    const expected = rowsOf("output_ids").map((ids) => ids.slice(width));
    expect(await answers(decoding, { ...greedy, maxNewTokens: expected[0]?.length ?? 0 })).toEqual(expected);
    await programs.release();
  });
});
