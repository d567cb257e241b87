/** Decoders that write: prompts, conversations, and how answers end. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AbortError } from "../errors.js";
import type { GenerateOptions } from "../options/generation-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { byteFallbackFiles } from "../testing/tiny-tokenizer.js";
import { generate } from "./generate.js";
import { loadTextGenerator, type TextGenerator } from "./load-text-generator.js";
import type { TextPiece } from "./text-pieces.js";

const chatTemplate =
  "{{ bos_token }}{% for m in messages %}{{ m.role }}. {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}bot. {% endif %}";

async function tinyGenerator(files: Readonly<Record<string, unknown>> = {}): Promise<TextGenerator> {
  const { folder } = await tinyPlace();
  const model = await writeTinyDecoder(join(folder, "decoder"), {
    ...tinyDecoders.llama,
    max_position_embeddings: 200,
  });
  const tokenizer = byteFallbackFiles({ chat_template: chatTemplate });
  for (const [name, text] of Object.entries(tokenizer)) await writeFile(join(model, name), text);
  for (const [name, content] of Object.entries(files)) await writeFile(join(model, name), JSON.stringify(content));
  return loadTextGenerator(model, { threads: 1 });
}

async function piecesOf(answer: AsyncIterable<TextPiece>): Promise<TextPiece[]> {
  const pieces: TextPiece[] = [];
  for await (const piece of answer) pieces.push(piece);
  return pieces;
}

async function answerOf(answer: AsyncIterable<TextPiece>) {
  const pieces = await piecesOf(answer);
  return {
    text: pieces.map(({ text }) => text).join(""),
    ids: pieces.flatMap(({ ids }) => ids),
    finishReason: pieces.at(-1)?.finishReason,
  };
}

describe("an answer", () => {
  test("ends where its tokens do, or before a text", async () => {
    const model = await tinyGenerator();
    const options = { maxNewTokens: 12 };
    const all = await answerOf(model.generate("good film", options));
    expect([all.ids.length, all.finishReason]).toEqual([12, "length"]);
    const stop = all.text.slice(3, 5);
    const stopped = await answerOf(model.generate("good film", { ...options, stop: ["never there", stop] }));
    expect(stopped.text).toBe(all.text.slice(0, all.text.indexOf(stop)));
    expect(stopped.finishReason).toBe("stop");
    await model.close();
  });

  test("ends with an end token, which is a token of it but no text; generation_config.json says which", async () => {
    const model = await tinyGenerator();
    const { ids } = await answerOf(model.generate("good film", { maxNewTokens: 12 }));
    await model.close();
    const other = await tinyGenerator({ "generation_config.json": { eos_token_id: [ids[5], 299] } });
    const ended = await answerOf(other.generate("good film", { maxNewTokens: 12 }));
    expect(ended.ids).toEqual(ids.slice(0, ids.indexOf(ids[5] ?? -1) + 1));
    expect(ended.finishReason).toBe("end");
    await other.close();
  });

  test("is drawn where the checkpoint or the options say so, and the seed says what", async () => {
    const model = await tinyGenerator({ "generation_config.json": { do_sample: true, temperature: 2, top_k: 100 } });
    const idsOf = async (options: GenerateOptions) =>
      (await answerOf(model.generate("good film", { maxNewTokens: 12, ...options }))).ids;
    const drawn = await idsOf({ seed: 1 });
    expect(await idsOf({ seed: 1, temperature: 2, topK: 100 })).toEqual(drawn);
    expect(await idsOf({ seed: 2 })).not.toEqual(drawn);
    expect(await idsOf({ temperature: 0 })).toEqual(await idsOf({ beams: 1, topK: 1 }));
    await model.close();
  });

  test("never goes beyond the positions of the model", async () => {
    const model = await tinyGenerator();
    const prompt = "a".repeat(190);
    const { ids, finishReason } = await answerOf(model.generate(prompt));
    expect([model.encode(prompt).length + ids.length, finishReason]).toEqual([200, "length"]);
    await expectRefusal(piecesOf(model.generate("a".repeat(300))), "302 tokens", "200 positions");
    await model.close();
  });

  test("may be left, or stopped, while others go on", async () => {
    const model = await tinyGenerator();
    const options = { maxNewTokens: 8 };
    const whole = await answerOf(model.generate("bad plot", options));
    for await (const { ids } of model.generate("good film")) if (ids.length > 0) break;
    const signal = { aborted: false, reason: "enough" };
    const stopped = model.generate("good film", {}, { signal });
    await stopped.next();
    const other = model.generate("bad plot", options);
    const first = await other.next();
    signal.aborted = true;
    const error = await stopped.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ message: "interrupted after 1 tokens", cause: "enough" });
    const rest = await answerOf(other);
    expect([...(first.value?.ids ?? []), ...rest.ids]).toEqual(whole.ids);
    await model.close();
    await expect(model.generate("bad plot").next()).rejects.toThrow("the model was released");
  });

  test("of beams begins with one token and ends like any other", async () => {
    const model = await tinyGenerator();
    const options = { beams: 3, maxNewTokens: 6 };
    const { ids, text, finishReason } = await answerOf(model.generate("good film", options));
    expect([ids.length, finishReason]).toEqual([6, "length"]);
    const stopped = await answerOf(model.generate("good film", { ...options, stop: text.slice(1, 3) }));
    expect([stopped.text, stopped.finishReason]).toEqual([text.slice(0, text.indexOf(text.slice(1, 3))), "stop"]);
    await model.close();
  });
});

describe("a conversation", () => {
  test("is written by the template, and each answer goes on from it", async () => {
    const model = await tinyGenerator();
    const chat = model.converse("be good");
    const options = { maxNewTokens: 6 };
    const { text } = await answerOf(chat.say("this is a film", options));
    expect(chat.messages).toEqual([
      { role: "system", content: "be good" },
      { role: "user", content: "this is a film" },
      { role: "assistant", content: text.trim() },
    ]);
    const second = await answerOf(chat.say("and it was bad", options));
    expect(chat.messages.length).toBe(5);
    // The same turns, read anew by another conversation.
    const again = model.converse("be good");
    await answerOf(again.say("this is a film", options));
    expect(await answerOf(again.say("and it was bad", options))).toEqual(second);
    chat.clear();
    expect((await answerOf(chat.say("this is a film", options))).text).toBe(text);
    await model.close();
  });

  test("keeps an answer that was stopped, as far as it came", async () => {
    const model = await tinyGenerator();
    const chat = model.converse();
    let said = "";
    for await (const { text } of chat.say("a film")) {
      said += text;
      if (said.length > 3) break;
    }
    expect(chat.messages.at(-1)).toEqual({ role: "assistant", content: said.trim() });
    await expectRefusal(piecesOf(chat.say("a".repeat(300))), "200 positions");
    expect(chat.messages.length).toBe(2);
    await model.close();
  });

  test("needs a template", async () => {
    const model = await tinyGenerator({ "tokenizer_config.json": { tokenizer_class: "LlamaTokenizer" } });
    await expectRefusal(() => model.converse(), "has no chat_template", "nanoadam generate goes on with any text");
    await model.close();
  });
});

test("what was fine-tuned writes, adapters too, and keeps what its base says of generation", async () => {
  const place = await tinyPlace();
  const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.llama);
  await writeFile(join(model, "generation_config.json"), JSON.stringify({ eos_token_id: 299 }));
  const options = { task: "causal-lm", label: undefined, steps: 2, maxLength: 12 } as const;
  const tuned = await tinyRun(options, { ...place, model });
  expect(JSON.parse(await readFile(join(tuned.folder, "generation_config.json"), "utf8"))).toEqual({
    eos_token_id: 299,
  });
  const adapter = await tinyRun(
    { ...options, loraRank: 2, output: join(place.folder, "adapter") },
    { ...place, model },
  );
  for (const { folder } of [tuned, adapter]) {
    const { ids } = await answerOf(generate({ model: folder, prompt: "good", maxNewTokens: 4, threads: 1 }));
    expect(ids.length).toBe(4);
  }
});

describe("refused", () => {
  test.each<[GenerateOptions, string]>([
    [{ temperature: -1 }, "`temperature`"],
    [{ temperature: 0, topP: 0.9 }, "`topP` draws tokens, and `temperature` 0 draws none"],
    [{ beams: 2, topK: 5 }, "`topK` draws tokens, and `beams` draw none"],
    [{ beams: 2, temperature: 1 }, "`temperature` is 1, and `beams` draw no tokens"],
    [{ topP: 0 }, "`topP`"],
    [{ repetitionPenalty: 0 }, "`repetitionPenalty`"],
    [{ stop: "" }, "`stop`"],
    [{ maxNewTokens: 0 }, "`maxNewTokens`"],
  ])("%j", async (options, says) => {
    const model = await tinyGenerator();
    await expectRefusal(piecesOf(model.generate("good", options)), says);
    await model.close();
  });

  test("a file about generation that cannot be used", async () => {
    await expectRefusal(
      tinyGenerator({ "generation_config.json": { do_sample: true, top_p: "most" } }),
      'generation_config.json: top_p is "most"',
    );
  });

  test("models that write nothing", async () => {
    const place = await tinyPlace();
    await expectRefusal(piecesOf(generate({ model: place.model, prompt: "a" })), "generates no text");
    const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.qwen3);
    const { folder } = await tinyRun({ steps: 2, maxLength: 12 }, { ...place, model });
    await expectRefusal(
      piecesOf(generate({ model: folder, prompt: "a" })),
      "Qwen3ForSequenceClassification",
      "predict",
    );
  });
});
