/** Which tokens of conversations and completions are learned; of conversations, transformers' masks are the measure. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../../testing/fixtures.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { byteFallbackFiles, bytePairFiles } from "../../testing/tiny-tokenizer.js";
import { type ChatMessage, createChatTemplate } from "./chat-template.js";
import { countLearned, encodeChat, encodeCompletion, encodeContinuation, mergeTexts } from "./learned-text.js";
import { loadTokenizer } from "./load.js";

const json = (name: string) => JSON.parse(readFileSync(new URL(`../../testing/${name}`, import.meta.url), "utf8"));

test.skipIf(!sharedDataIsPresent)(
  "what a template marks are the tokens that transformers finds (needs shared/data)",
  async () => {
    const tokenizer = await loadTokenizer(join(sharedDataFolder, "models", "stories260K"));
    const given: {
      readonly templates: Readonly<Record<string, string>>;
      readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
    } = json("chat-templates.json");
    const specialTokens = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
    const expected: readonly { template: string; chat: string; ids: number[]; learned: number[] }[] =
      json("chat-tokens.json");
    for (const { template: name, chat, ids, learned } of expected) {
      const template = createChatTemplate({ source: given.templates[name] ?? "", file: name, specialTokens });
      const messages = given.chats[chat] ?? [];
      const found = encodeChat(tokenizer, template, { messages }, { maxLength: 1000, lossOn: "completion" });
      expect([...found.ids], `${name}, ${chat}`).toEqual(ids);
      expect([...(found.learned ?? [])], `${name}, ${chat}`).toEqual(learned);
    }
  },
);

async function tokenizerOf(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return loadTokenizer(folder);
}

test("a completion ends with the end token once, whether the tokenizer puts one there or not", async () => {
  const texts = { prompt: "the go", completion: "od" };
  const options = { maxLength: 20, lossOn: "completion" } as const;
  for (const files of [byteFallbackFiles(), bytePairFiles()]) {
    const { ids } = encodeCompletion(await tokenizerOf(files), texts, options);
    expect([...ids].filter((id) => id === 2)).toEqual([2]);
    expect(ids.at(-1)).toBe(2);
  }
});

test("a possible answer loses the beginning of its prompt where it is too long, and has no end token", async () => {
  const tokenizer = await tokenizerOf(byteFallbackFiles());
  const texts = { prompt: "it is a film", completion: " good" };
  const whole = encodeContinuation(tokenizer, texts, 100);
  const short = encodeContinuation(tokenizer, texts, 6);
  expect([whole.wasTruncated, short.wasTruncated]).toEqual([false, true]);
  expect([...short.ids]).toEqual([...whole.ids].slice(-6));
  expect(countLearned(short)).toBe(countLearned(whole));
  expect(short.ids.at(-1)).not.toBe(2);
});

test("texts that share a row know where each begins", () => {
  const text = (ids: number[], learned?: number[]) => ({
    ids: Int32Array.from(ids),
    typeIds: new Int32Array(ids.length),
    specialMask: new Uint8Array(ids.length),
    wasTruncated: false,
    ...(learned === undefined ? {} : { learned: Uint8Array.from(learned) }),
  });
  const row = mergeTexts([text([5, 6, 7], [0, 1, 1]), text([8, 9])]);
  expect([[...row.ids], [...(row.learned ?? [])], row.starts]).toEqual([
    [5, 6, 7, 8, 9],
    [0, 1, 1, 1, 1],
    [0, 3],
  ]);
});
