/**
 * What transformers and PEFT make of the folders that runs on decoders write. The judge is a Python that has both, which PEER_HF
 * names, as `shared/tools/peer-hf/setup.sh DIR` installs it: PEER_HF=DIR/bin/python.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { type Batch, int32Tensor } from "../data/batch.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { ProgramCache } from "../program/program-cache.js";
import { likeliestTokens } from "../testing/likeliest-tokens.js";
import { nextToken, tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

const python = process.env.PEER_HF;
const script = fileURLToPath(new URL("../../../../testing/judge_decoders.py", import.meta.url));
const ids = [5, 9, 17, 40, 8, 11, 23];
const newTokens = 4;

interface Question {
  readonly folder: string;
  readonly base?: string;
}

interface Answer {
  readonly logits: readonly (readonly number[])[];
  readonly greedy: readonly number[];
}

async function judged(folder: string, questions: readonly Question[]): Promise<readonly Answer[]> {
  const [request, answer] = [join(folder, "request.json"), join(folder, "answer.json")];
  await writeFile(request, JSON.stringify(questions.map((question) => ({ ...question, ids, new_tokens: newTokens }))));
  await promisify(execFile)(String(python), [script, request, answer], {
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  return JSON.parse(await readFile(answer, "utf8")) as Answer[];
}

/** Our own answer. */
async function answerOf(folder: string): Promise<Answer> {
  const checkpoint = await openModelFolder(folder);
  const { model, weights } = await loadPretrained(checkpoint, nextToken, 0).finally(() => checkpoint.close());
  const runtime = await cpuRuntime({ threads: 1 });
  const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
  const shape = [1, ids.length];
  const batch: Batch = {
    tensors: new Map([
      ["input_ids", int32Tensor(Int32Array.from(ids), shape)],
      ["attention_mask", int32Tensor(new Int32Array(ids.length).fill(1), shape)],
      ["predicted_positions", int32Tensor(Int32Array.from(ids.keys()), [ids.length])],
    ]),
    weight: 1,
  };
  const logits = await programs.use(batch, async (program) => {
    await program.forward();
    const all = [...program.logits()];
    const columns = all.length / ids.length;
    return ids.map((_, row) => all.slice(row * columns, (row + 1) * columns));
  });
  const prompts = { width: ids.length, ids, mask: ids.map(() => 1) };
  const greedy = [...(await likeliestTokens(programs, prompts, newTokens))];
  await programs.release();
  return { logits, greedy };
}

const adapters: readonly Partial<FinetuneInput>[] = [
  {},
  { loraTargets: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", optimizer: "nanoadam" },
  { loraTargets: "all-linear", useRslora: true },
  { loraTargets: "all-linear", useDora: true },
  { loraTargets: "all-linear", useDora: true, useRslora: true, optimizer: "nanoadam", loraDropout: 0.1 },
];

test.skipIf(python === undefined)(
  "logits to 1e-4 and the same tokens, of every family and every kind of adapter (needs PEER_HF)",
  { timeout: 600_000 },
  async () => {
    const place = await tinyPlace();
    const options = { task: "causal-lm", label: undefined, learningRate: 1e-2, steps: 3, maxLength: 12 } as const;
    const questions: Question[] = [];
    for (const [name, config] of Object.entries(tinyDecoders)) {
      const model = await writeTinyDecoder(join(place.folder, `base ${name}`), config);
      const output = join(place.folder, name);
      questions.push({ folder: (await tinyRun({ ...options, output }, { ...place, model })).folder });
    }
    for (const name of ["llama", "llama with biases and tied", "gemma3"] as const) {
      const base = await writeTinyDecoder(join(place.folder, `adapted ${name}`), tinyDecoders[name]);
      for (const [index, adapter] of adapters.entries()) {
        const output = join(place.folder, `adapter ${index} of ${name}`);
        const run = await tinyRun(
          { ...options, steps: 20, loraRank: 2, ...adapter, output },
          { ...place, model: base },
        );
        questions.push({ folder: run.folder, base });
      }
    }
    const answers = await judged(place.folder, questions);
    for (const [index, { folder }] of questions.entries()) {
      const own = await answerOf(folder);
      const judge = answers[index]?.logits.flat() ?? [];
      const largest = Math.max(...judge.map(Math.abs));
      const difference = Math.max(...own.logits.flat().map((value, i) => Math.abs(value - (judge[i] ?? Number.NaN))));
      expect(difference, folder).toBeLessThanOrEqual(1e-4 * largest);
      expect(own.greedy, folder).toEqual(answers[index]?.greedy);
    }
  },
);
