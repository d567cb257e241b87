/** The commands that write: a text that goes on, and a conversation. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { AbortError } from "../errors.js";
import type { Conversation } from "../recipes/conversation.js";
import { loadTextGenerator } from "../recipes/load-text-generator.js";
import { capture, runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { byteFallbackFiles } from "../testing/tiny-tokenizer.js";
import { chatInTerminal } from "./chat-terminal.js";
import { runCommandLine } from "./command-line.js";

async function tinyModel(template?: string): Promise<string> {
  const folder = await writeTinyDecoder(join(await temporaryFolder(), "decoder"), tinyDecoders.llama);
  const files = byteFallbackFiles(template === undefined ? {} : { chat_template: template });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe.skipIf(!sharedDataIsPresent)("stories260K (needs shared/data)", () => {
  const model = join(sharedDataFolder, "models", "stories260K");

  test("tells its story", async () => {
    const sources = await readFile(join(sharedDataFolder, "SOURCES.md"), "utf8");
    const story = JSON.parse(/continues\n("(?:[^"\\]|\\.)*")/.exec(sources)?.[1] ?? '""') as string;
    const ids = /first 20 ids are ([\d ]+)/.exec(sources)?.[1]?.split(" ").map(Number);
    expect(story.length).toBeGreaterThan(300);
    const flags = ["generate", "--model", model, "--prompt", "", "--temperature", "0", "--max-new-tokens", "150"];
    const { exitCode, stdout, stderr } = await runCli(...flags);
    expect([exitCode, stdout.slice(0, story.length)]).toEqual([0, story]);
    expect(stderr).toMatch(/^150 tokens, [\d,.]+ tokens\/s; prompt of 1 in \d\.\d\d s\n$/);
    const answer = JSON.parse((await runCli(...flags, "--json", "--quiet")).stdout);
    expect([...answer.promptIds, ...answer.ids].slice(0, 20)).toEqual(ids);
    expect(answer).toMatchObject({ text: stdout.trimEnd(), finishReason: "length" });
  });
});

describe("generate", () => {
  test("takes its prompt from standard input where it is a pipe, or told so, and ends before each of several texts", async () => {
    const model = await tinyModel();
    const flags = ["generate", "--model", model, "--max-new-tokens", "8", "--json", "--quiet"];
    const piped = async (...more: string[]) => {
      const { streams, printed } = capture();
      async function* stdin() {
        yield "good film\n";
      }
      expect(await runCommandLine([...flags, ...more], { ...streams, stdin: stdin() })).toBe(0);
      expect(printed().stderr).toBe("");
      return JSON.parse(printed().stdout);
    };
    const given = JSON.parse((await runCli(...flags, "--prompt", "good film")).stdout);
    expect(given).toMatchObject({ prompt: "good film", finishReason: "length" });
    const { seconds: _, tokensPerSecond: __, ...answer } = given;
    expect(await piped()).toMatchObject(answer);
    expect(await piped("--prompt", "-")).toMatchObject(answer);
    const [one, other] = [given.text.slice(4, 6), given.text.slice(2, 4)];
    const stopped = await piped("--stop", one, "--stop", other);
    expect(stopped.text).toBe(given.text.slice(0, given.text.indexOf(other)));
  });

  test("says what is needed, and what cannot go together, by its flags", async () => {
    const model = await tinyModel();
    expect((await runCli("generate", "--model", model)).stderr).toContain("--prompt is needed");
    const { exitCode, stderr } = await runCli("generate", "-m", model, "--prompt", "a", "--beams", "2", "--top-k", "3");
    expect([exitCode, stderr]).toEqual([1, "nanoadam: --top-k draws tokens, and --beams draw none\n"]);
  });
});

describe("chat", () => {
  const template = "{% for m in messages %}{{ m.role[0] }} {{ m.content }}</s>{% endfor %}a ";

  test("answers line after line", async () => {
    const model = await tinyModel(template);
    const { streams, printed } = capture();
    async function* stdin() {
      yield "good film\nbad plot\n/clear\ngood film\n/what\n/exit\nnever read\n";
    }
    const flags = ["chat", "--model", model, "--max-new-tokens", "4", "--system", "be good"];
    expect(await runCommandLine(flags, { ...streams, stdin: stdin() })).toBe(0);
    const { stdout, stderr } = printed();
    expect(stderr).toContain("there is no /what, only /clear and /exit\n");
    expect(stderr.match(/cut off; --max-new-tokens/g)?.length).toBe(3);

    const generator = await loadTextGenerator(model);
    const conversation = generator.converse("be good");
    const answers: string[] = [];
    for (const said of ["good film", "bad plot"]) {
      let answer = "";
      for await (const { text } of conversation.say(said, { maxNewTokens: 4 })) answer += text;
      answers.push(answer);
    }
    expect(stdout).toBe([...answers, answers[0], ""].join("\n"));
    await generator.close();
  });

  test("says where an answer is not to be had, and goes on", async () => {
    const generator = await loadTextGenerator(await tinyModel(template));
    const conversation = generator.converse();
    const { streams, printed } = capture();
    const told: string[] = [];
    await chatInTerminal({
      conversation,
      options: { maxNewTokens: 2 },
      input: [`${"a".repeat(50)}\n`, "b\n"],
      output: streams.stdout,
      tell: (line) => told.push(line),
    });
    expect(told).toEqual([
      expect.stringMatching(/^the prompt has 5\d tokens, expected fewer than the 40 positions/),
      expect.stringContaining("cut off"),
    ]);
    expect(printed().stdout.endsWith("\n")).toBe(true);
    await generator.close();
  });

  test("in a terminal Ctrl-C ends an answer, then throws away a half line, then ends it", async () => {
    const terminal = () => Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true, columns: 80 });
    const [keyboard, screen] = [terminal(), terminal()];
    const generator = await loadTextGenerator(await tinyModel(template));
    const told: string[] = [];
    let isBegun = (): void => undefined;
    const conversation: Conversation = {
      ...generator.converse(),
      // An answer that goes on until it is ended.
      async *say(_text, _options, { signal } = {}) {
        while (true) {
          if (signal?.aborted === true) throw new AbortError("the answer was ended", undefined);
          yield { text: "on ", ids: [] };
          isBegun();
          await new Promise(setImmediate);
        }
      },
    };
    const talk = chatInTerminal({
      ...{ conversation, options: {}, input: keyboard, output: screen },
      tell: (line) => told.push(line),
    });
    const begun = new Promise<void>((resolve) => {
      isBegun = resolve;
    });
    const press = async (keys: string) => {
      keyboard.write(keys);
      await new Promise(setImmediate);
    };
    await press("go\r");
    await begun;
    await press("\u0003");
    await press("half");
    await press("\u0003");
    await press("/nothing\r");
    await press("\u0003");
    await talk;
    expect(told).toEqual(["there is no /nothing, only /clear and /exit"]);
    expect(stripVTControlCharacters(String(screen.read()))).toMatch(/^> go\r\n(on )+\n> half.*\n$/s);
    await generator.close();
  });

  test("is refused without a template, with what can be done", async () => {
    const { exitCode, stderr } = await runCli("chat", "--model", await tinyModel());
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/tokenizer_config\.json has no chat_template.*; nanoadam generate goes on with any text\n$/);
  });
});
