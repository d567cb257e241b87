/** What a decoder learns of the rows of a file, in every form that they may have. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Row } from "../data/source.js";
import { textEncoder } from "../data/text/encoder.js";
import type { LearnedText, LossOn } from "../data/text/learned-text.js";
import { loadTokenizer } from "../data/text/load.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { byteFallbackFiles } from "../testing/tiny-tokenizer.js";
import { instructionPrompt, readInstructionTexts } from "./instruction-texts.js";
import { openTaskData } from "./open-data.js";
import { taskKind } from "./registry.js";

const chatMl =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
const withMarks =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ eos_token }}{% endfor %}";

interface Options {
  readonly template?: string;
  readonly lossOn?: LossOn;
  readonly maxLength?: number;
  readonly text?: readonly string[];
}

async function read(rows: string | Iterable<Row>, { template = chatMl, lossOn, maxLength = 400, text }: Options = {}) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(byteFallbackFiles({ chat_template: template }))) {
    await writeFile(join(folder, name), content);
  }
  const tokenizer = await loadTokenizer(folder);
  const source = await openTaskData(taskKind("causal-lm"), rows, "train", { text });
  const found = await readInstructionTexts(source, textEncoder(tokenizer, maxLength), lossOn);
  const vocabulary = new Map(
    Object.entries(JSON.parse(byteFallbackFiles()["tokenizer.json"] ?? "").model.vocab).map(([token, id]) => [
      id,
      token,
    ]),
  );
  const words = (ids: Iterable<number>) =>
    [...ids]
      .map((id) => String(vocabulary.get(id)))
      .join("")
      .replaceAll("▁", " ")
      .replace(/<0x(..)>/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return {
    ...found,
    notes: await source.notes(),
    whole: found.texts.map(({ ids }) => words(ids)),
    learned: found.texts.map(({ ids, learned }: LearnedText) =>
      words(ids.filter((_, place) => learned?.[place] !== 0)),
    ),
  };
}

describe("a prompt and its completion", () => {
  const rows = [{ prompt: "is it good?", completion: " good" }];

  test("follow one another as they stand, between the tokens of beginning and end; the completion is learned", async () => {
    const { whole, learned, notes } = await read(rows);
    expect(whole).toEqual(["<s> is it good? good</s>"]);
    expect(learned).toEqual([" good</s>"]);
    expect(notes).toEqual(['`train`: "prompt" is taken as the prompt and "completion" as the completion']);
    expect((await read(rows, { lossOn: "all" })).learned).toEqual(whole);
  });

  test("may be a question and an answer, which are called so, or other columns by name", async () => {
    const { whole, learned } = await read([{ question: "a", answer: "b", id: 1 }]);
    expect([whole, learned]).toEqual([["<s> Question: a\nAnswer: b</s>"], [" b</s>"]]);
    expect((await read([{ said: "a", meant: "b" }], { text: ["said,meant"] })).learned).toEqual(["b</s>"]);
  });

  test("a token of both is learned: none of the completion goes unlearned", async () => {
    // " g" and "o" are one token.
    expect((await read([{ prompt: "a g", completion: "old" }])).learned).toEqual([" gold</s>"]);
  });

  test("may be messages, written by the template, with its own end", async () => {
    const [user, assistant] = [
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
    ];
    const { whole, learned } = await read([{ prompt: [user], completion: [assistant] }]);
    expect(whole).toEqual(["<s>[user]hi</s>[assistant]hello</s>"]);
    expect(learned).toEqual(["hello</s>"]);
    const long = [{ prompt: [user, assistant, user], completion: [assistant] }];
    expect((await read(long)).learned).toEqual(["hello</s>"]);
    expect((await read(long, { lossOn: "assistant" })).learned).toEqual(["hello</s>hello</s>"]);
    await expectRefusal(read([{ prompt: [user], completion: "hello" }]), 'row 1 of `train`: "completion" is text');
  });
});

describe("conversations", () => {
  const turns = [
    { role: "system", content: "be good" },
    { role: "user", content: "hi " },
    { role: "assistant", content: "hello" },
    { role: "user", content: "bad?" },
    { role: "assistant", content: "no" },
  ];

  test("have all turns of the assistant learned, in OpenAI's form and in ShareGPT's", async () => {
    const { whole, learned } = await read([{ messages: turns }]);
    expect(whole).toEqual(["<s>[system]be good</s>[user]hi</s>[assistant]hello</s>[user]bad?</s>[assistant]no</s>"]);
    expect(learned).toEqual(["hello</s>no</s>"]);
    const shared = turns.map(({ role, content }) => ({
      from: { system: "system", user: "human", assistant: "gpt" }[role],
      value: content,
    }));
    expect((await read([{ id: "x", conversations: shared }])).learned).toEqual(learned);
    expect((await read([{ messages: turns }], { lossOn: "all" })).learned).toEqual(whole);
    expect((await read([{ dialogue: turns, n: 1 }], { text: ["dialogue"] })).learned).toEqual(learned);
  });

  test("or what the template marks", async () => {
    expect((await read([{ messages: turns }], { template: withMarks })).learned).toEqual(["hellono"]);
  });

  test("in a file of JSON lines, or as JSON in a column of a table", async () => {
    const folder = await temporaryFolder();
    await writeFile(
      join(folder, "a.jsonl"),
      `${JSON.stringify({ messages: turns })}\n${JSON.stringify({ messages: turns })}\n`,
    );
    expect((await read(join(folder, "a.jsonl"))).learned).toHaveLength(2);
    await writeFile(join(folder, "a.tsv"), `messages\n"${JSON.stringify(turns).replaceAll('"', '""')}"\n`);
    expect((await read(join(folder, "a.tsv"))).learned).toEqual(["hello</s>no</s>"]);
  });

  test("that cannot be learned from are refused with their place", async () => {
    const question = [{ role: "user", content: "hi" }];
    await expectRefusal(read([{ messages: question }]), "row 1 of `train`: no message is of the assistant");
    const refusing = "{{ raise_exception('no system') }}";
    await expectRefusal(
      read([{ messages: turns }], { template: refusing }),
      "row 1 of `train`: ",
      "tokenizer_config.json: chat_template, line 1: no system",
    );
    const looking = "{% for m in messages %}{{ loop.length }}{{ m.content }}{% endfor %}";
    await expectRefusal(
      read([{ messages: turns }], { template: looking }),
      "row 1",
      "{% generation %}",
      "`lossOn` to all",
    );
  });
});

test("instructions are put into Alpaca's prompt, as in LLM-Adapters", async () => {
  const rows = [
    { instruction: "is it good?", input: "", output: "yes", answer: "true" },
    { instruction: "is it good?", input: "this", output: "no", answer: "false" },
  ];
  const { whole, learned, notes } = await read(rows);
  expect(whole[0]).toBe(`<s> ${instructionPrompt("is it good?")}yes</s>`);
  expect(whole[1]).toContain("### Instruction:\nis it good?\n\n### Input:\nthis\n\n### Response:\nno</s>");
  expect(learned).toEqual(["yes</s>", "no</s>"]);
  expect(notes[0]).toContain('"instruction" and "input" are taken as the instruction and "output" as the answer');
  expect((await read(rows.map(({ input: _, ...row }) => row))).learned).toEqual(["yes</s>", "no</s>"]);
});

test("plain text is learned whole", async () => {
  const { whole, learned } = await read([{ text: "a film" }]);
  expect(learned).toEqual(whole);
  expect(whole).toEqual(["<s> a film"]);
  await expectRefusal(read([{ text: "a film" }], { lossOn: "assistant" }), "`lossOn` is assistant", "plain text");
});

describe("a completion that is cut away", () => {
  const rows = [
    { prompt: "is", completion: "it" },
    { prompt: "is it very good?", completion: "it" },
  ];
  test("is left out and counted", async () => {
    const { learned, cutAway, sources } = await read(rows, { maxLength: 8 });
    expect([learned, cutAway]).toEqual([["it</s>"], 1]);
    expect(sources).toEqual([{ text: "is", textPair: "it", line: 1 }]);
  });
  test("in part is learned in part", async () => {
    expect((await read(rows, { maxLength: 5 })).learned).toEqual(["i"]);
  });
  test("is refused where nothing is left", async () => {
    await expectRefusal(
      read(rows, { maxLength: 3 }),
      "every prompt fills `maxLength`, 3 tokens",
      "give a larger `maxLength`",
    );
  });
});
