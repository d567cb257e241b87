/** Templates of our own, in the manner of known families of models: what transformers writes with them, and where they fail. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { byteFallbackFiles } from "../../testing/tiny-tokenizer.js";
import { type ChatMessage, createChatTemplate } from "./chat-template.js";
import { loadTokenizer } from "./load.js";

interface Rendered {
  readonly template: string;
  readonly chat: string;
  readonly addGenerationPrompt: boolean;
  readonly tools?: boolean;
  readonly text?: string;
  /** What the template marks as the assistant's. */
  readonly assistant?: readonly string[];
  /** What a template says of a conversation that it refuses; true where transformers has words of its own. */
  readonly refused?: string | true;
}

/** Written by transformers 5.18 on 26 November 2026. */
const expected: {
  readonly templates: Readonly<Record<string, string>>;
  readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly tools: readonly unknown[];
  readonly rendered: readonly Rendered[];
} = JSON.parse(readFileSync(new URL("../../testing/chat-templates.json", import.meta.url), "utf8"));

const tokens = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
const templateOf = (source: string) =>
  createChatTemplate({ source, file: "t.jinja", specialTokens: tokens, now: () => new Date(2026, 10, 26, 9, 5) });
const question: readonly ChatMessage[] = [{ role: "user", content: "hi" }];

describe("what transformers writes", () => {
  test.each(Object.keys(expected.templates))("with a template like %s", async (name) => {
    const template = templateOf(expected.templates[name] ?? "");
    const own = expected.rendered.filter((each) => each.template === name);
    expect(own.length).toBeGreaterThan(9);
    for (const { chat, addGenerationPrompt, tools, text, assistant, refused } of own) {
      const messages = expected.chats[chat] ?? [];
      const options = { addGenerationPrompt, tools: tools === true ? expected.tools : undefined };
      if (refused !== undefined) {
        await expectRefusal(
          () => template.render(messages, options),
          "t.jinja, line ",
          refused === true ? "" : refused,
        );
        continue;
      }
      expect(template.render(messages, options), `${chat}, ${addGenerationPrompt}`).toBe(text);
      expect(template.marksAssistant).toBe(assistant !== undefined);
      if (assistant === undefined) continue;
      const marked = template.renderMarked(messages, options);
      expect(marked.text).toBe(text);
      expect(marked.assistant.map(([from, to]) => marked.text.slice(from, to))).toEqual(assistant);
    }
  });
});

describe("a template that fails is one line that says where", () => {
  test.each([
    [
      "refuses a role",
      "{{ bos_token }}\n{% for m in messages %}\n{% if m.role == 'user' %}\n{{ raise_exception('no\nusers') }}\n{% endif %}{% endfor %}",
      4,
      "no users",
    ],
    ["knows no such filter", "{# one #}\n{{ '{{' }}\n{{ messages | shout }}", 3, "shout"],
    ["has a loop without end", "a\n\n{% for m in messages %}\n{{ m }}\n", 4, "ends too early"],
    ["ends what was not begun", "a\n{{ 1 }}\n{% endif %}\n{{ 2 }}", 3, ""],
    ["has a tag that is not closed", "a\n{% if true %}\n{{ bos_token \n", 3, ""],
    ["has text that is not closed", "a\n{{ 1 }}\n{{ 'two }}\n", 3, ""],
    ["has a character that means nothing", "{{ 1 }}\n{{ 2 $ 3 }}\n{{ 4 }}", 2, "$"],
    ["has an unknown part of a date", "\n\n{{ strftime_now('%Q') }}", 3, "%Q"],
    [
      "begins and does not end what the assistant writes",
      "{% if true %}{% generation %}{% endif %}",
      undefined,
      "in pairs",
    ],
  ])("where it %s", async (_, source, line, reason) => {
    const place = line === undefined ? "t.jinja: " : `t.jinja, line ${line}: `;
    await expectRefusal(() => templateOf(source).renderMarked(question), place, reason);
  });
});

test("dates are English and of the given moment", () => {
  const formats = "%d %b %Y|%A, %B %-d|%H:%M:%S %I %p|%y-%m-%j|%F|100%%";
  expect(templateOf(`{{ strftime_now('${formats}') }}`).render(question)).toBe(
    "26 Nov 2026|Thursday, November 26|09:05:00 09 AM|26-11-330|2026-11-26|100%",
  );
});

describe("the template of a model's folder", () => {
  async function load(config: Readonly<Record<string, unknown>>, jinja?: string) {
    const folder = await temporaryFolder();
    const files = { ...byteFallbackFiles(config), ...(jinja === undefined ? {} : { "chat_template.jinja": jinja }) };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return loadTokenizer(folder);
  }
  const say = async (...given: Parameters<typeof load>) => (await load(...given)).chatTemplate().render(question);

  test("is in tokenizer_config.json", async () => {
    expect(await say({ chat_template: "{{ messages[0].content }}{{ eos_token }}", eos_token: "</s>" })).toBe("hi</s>");
  });

  test("or the one called default of several", async () => {
    const templates = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "usual" },
    ];
    expect(await say({ chat_template: templates })).toBe("usual");
    await expectRefusal(
      say({ chat_template: templates.slice(0, 1) }),
      "tokenizer_config.json",
      '"tool_use"',
      '"default"',
    );
  });

  test("or in chat_template.jinja, which comes first and goes with the model", async () => {
    expect(await say({ chat_template: "config" }, "file\n")).toBe("file");
    expect((await load({}, "file")).files.map((path) => path.split("/").at(-1))).toContain("chat_template.jinja");
    await expectRefusal(say({}, "\n{{ raise_exception('no') }}"), "chat_template.jinja, line 2: no");
  });

  test("and where there is none, that is said", async () => {
    await expectRefusal(say({}), "tokenizer_config.json has no chat_template");
  });
});
