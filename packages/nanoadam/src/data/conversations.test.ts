import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { isConversation, messagesOf, toolsOf } from "./conversations.js";

const read = (value: unknown) => messagesOf(JSON.stringify(value), 'a.jsonl, line 3: "messages"');

describe("messages", () => {
  test("are OpenAI's, further fields kept, parts of text put together", () => {
    const question = { role: "user", content: "hi", name: "Ann" };
    const parts = [
      { type: "text", text: "he" },
      { type: "text", text: "llo" },
    ];
    expect(read([question, { role: "assistant", content: parts }])).toEqual([
      question,
      { role: "assistant", content: "hello" },
    ]);
    const call = { role: "assistant", tool_calls: [{ function: { name: "now" } }], content: null };
    expect(read([call])).toEqual([call]);
  });

  test("or ShareGPT's", () => {
    const turns = [
      { from: "system", value: "be brief" },
      { from: "human", value: "hi" },
      { from: "gpt", value: "hello" },
    ];
    expect(read(turns).map(({ role, content }) => `${role}: ${content}`)).toEqual([
      "system: be brief",
      "user: hi",
      "assistant: hello",
    ]);
  });

  test.each([
    ["no list", { role: "user" }, "a list of messages"],
    ["an empty list", [], "expected a list of messages"],
    ["a text in the list", ["hi"], 'message 1 is "hi", expected an object'],
    ["no role", [{ content: "hi" }], 'message 1: there is no "role"'],
    ["no content", [{ role: "user", content: "a" }, { role: "user" }], 'message 2: "content" is'],
    ["a picture", [{ role: "user", content: [{ type: "image_url" }] }], '"image_url", expected parts of type "text"'],
    ["an unknown speaker", [{ from: "bing", value: "hi" }], '"from" is "bing", expected one of human'],
    ["no words of a speaker", [{ from: "gpt", value: 3 }], '"value" is 3, expected text'],
  ])("are refused with their place where there is %s", async (_, value, says) => {
    await expectRefusal(() => read(value), 'a.jsonl, line 3: "messages"', says);
  });
});

test("a cell is a conversation where it is a list of objects with roles", () => {
  expect(['[{"role":"user"}]', '[{"from":"gpt","value":""}]'].map(isConversation)).toEqual([true, true]);
  expect(["hi", "[1, 2]", "[]", "{}", '[{"text":"a"}]', "[{"].map(isConversation)).toEqual(Array(6).fill(false));
});

test("functions are a list, or none", async () => {
  expect([toolsOf("", "here"), toolsOf("null", "here"), toolsOf('[{"type":"function"}]', "here")]).toEqual([
    undefined,
    undefined,
    [{ type: "function" }],
  ]);
  await expectRefusal(() => toolsOf("{}", "here"), "here is", "expected a list of functions");
});
