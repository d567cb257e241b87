/** What a checkpoint's files say of generation: the tokens that end an answer, and how the next one is chosen unless told. */
import { join } from "node:path";
import { z } from "zod";
import type { TextTokenizer } from "../data/text/tokenizer.js";
import type { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { copyFileAtomically } from "../files/write-file.js";
import { parseConfig } from "../models/config.js";
import type { GenerationSettings } from "../options/generation-options.js";
import type { SamplingOptions } from "../program/sampling.js";

export const generationConfigFile = "generation_config.json";

const id = z.number().int().min(0);
const endIds = z
  .union([id, z.array(id).readonly()])
  .nullish()
  .transform((value) => (typeof value === "number" ? [value] : (value ?? [])));
const positive = z.number().positive().nullish();

const generationConfig = z.object({
  eos_token_id: endIds,
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_k: z.number().int().min(0).nullish(),
  top_p: positive,
  min_p: z.number().min(0).nullish(),
  repetition_penalty: positive,
});

export interface GenerationDefaults extends Partial<SamplingOptions> {
  /** Tokens that end an answer, as transformers has it: generation_config.json's, else config.json's, else the tokenizer's. */
  readonly endIds: ReadonlySet<number>;
}

/** @throws InputError for a field that cannot be used */
export async function readGenerationDefaults(
  { folders, config }: { readonly folders: readonly string[]; readonly config: Readonly<Record<string, unknown>> },
  tokenizer: Pick<TextTokenizer, "endId">,
): Promise<GenerationDefaults> {
  let raw: Readonly<Record<string, unknown>> = {};
  for (const folder of folders.toReversed()) raw = (await readJsonObject(join(folder, generationConfigFile))) ?? raw;
  const told = parseConfig(generationConfig, raw, "", generationConfigFile);
  const { eos_token_id: ofModel } = parseConfig(z.object({ eos_token_id: endIds }), config);
  const ofTokenizer = tokenizer.endId === undefined ? [] : [tokenizer.endId];
  const ends = [told.eos_token_id, ofModel, ofTokenizer].find((each) => each.length > 0) ?? [];
  return {
    endIds: new Set(ends),
    ...(told.do_sample === true
      ? {
          temperature: told.temperature ?? 1,
          topK: told.top_k || undefined,
          topP: told.top_p ?? undefined,
          minP: told.min_p ?? undefined,
        }
      : {}),
    repetitionPenalty: told.repetition_penalty ?? undefined,
  };
}

/** Copies what the first of some folders that has one says of generation to a model's folder. */
export async function copyGenerationConfig(
  folders: readonly string[],
  output: Pick<OutputFolder, "path">,
): Promise<void> {
  for (const folder of folders) {
    const file = join(folder, generationConfigFile);
    if ((await readJsonObject(file)) === undefined) continue;
    await copyFileAtomically(file, output.path(generationConfigFile));
    return;
  }
}

/** How tokens are chosen: as asked, else as the checkpoint's files say, else the likeliest. */
export function samplingOf(
  { temperature, topK, topP, minP, repetitionPenalty, beams }: GenerationSettings,
  defaults: GenerationDefaults,
): SamplingOptions {
  const penalty = repetitionPenalty ?? defaults.repetitionPenalty ?? 1;
  const isDrawing = [topK, topP, minP].some((each) => each !== undefined);
  const heat = temperature ?? (beams > 1 ? 0 : (defaults.temperature ?? (isDrawing ? 1 : 0)));
  if (heat === 0) return { temperature: 0, repetitionPenalty: penalty };
  return {
    temperature: heat,
    topK: topK ?? defaults.topK,
    topP: topP ?? defaults.topP,
    minP: minP ?? defaults.minP,
    repetitionPenalty: penalty,
  };
}
