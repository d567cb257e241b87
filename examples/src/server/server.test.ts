/** The server of docs/web-app.md, on tiny models. */
import { join } from "node:path";
import { type FinetuneInput, predict } from "nanoadam";
import { describe, expect, test } from "vitest";
import { isBuilt } from "../../../packages/nanoadam/src/testing/crash/child.js";
import { tinyRows } from "../../../packages/nanoadam/src/testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../../../packages/nanoadam/src/testing/tiny-run.js";
import { startServer } from "./server.js";
import { Teacher } from "./teacher.js";

/** What the tests look at of an answer. */
interface Answer {
  readonly teaching?: boolean;
  readonly predictions?: readonly { readonly probabilities: object }[];
}

/** A server with a model of its own, and functions that ask it. */
async function tinyServer(training: Partial<FinetuneInput> = {}) {
  const place = await tinyPlace();
  const { folder } = await tinyRun({}, place);
  const output = join(place.folder, "taught");
  const teacher = await Teacher.open({ folder, base: place.model, output, training: { threads: 1, ...training } });
  const server = await startServer(teacher, 0);
  const send = (path: string, body?: string) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, body === undefined ? {} : { method: "POST", body });
  const ask = async (path: string, body?: string) => {
    const response = await send(path, body);
    return { status: response.status, body: (await response.json()) as Answer };
  };
  return { folder, server, send, ask };
}

const bodyOf = (...texts: unknown[]) => JSON.stringify({ texts });

/** Rows to teach by; what was good is now called "recommended". */
const rows = tinyRows(40).map(({ sentence, label }) => ({
  text: sentence,
  label: label === "good" ? "recommended" : "not",
}));

/** The events of a stream, by name. */
async function* eventsOf({ body }: Response): AsyncGenerator<{ name: string; data: Record<string, unknown> }> {
  let text = "";
  if (body === null) throw new Error("the answer has no body");
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = text.slice(0, end).split("\n");
      const of = (field: string) => fields.find((line) => line.startsWith(field))?.slice(field.length + 2) ?? "";
      yield { name: of("event"), data: JSON.parse(of("data")) };
      text = text.slice(end + 2);
    }
  }
}

test("answers requests that overlap, each with its own predictions, and ends when it is closed", async () => {
  const { folder, server, ask } = await tinyServer();
  expect(await ask("/health")).toEqual({ status: 200, body: { ready: true, waiting: 0, teaching: false } });
  const asked = [["the film was good"], ["bad plot", "the cast is gold"]];
  const answers = await Promise.all(asked.map((texts) => ask("/predict", bodyOf(...texts))));
  for (const [place, texts] of asked.entries()) {
    const alone = await predict({ model: folder, data: texts.map((text) => ({ text })), text: "text", threads: 1 });
    const labels = alone.map((each) => ({ text: each.text, label: "label" in each ? each.label : undefined }));
    expect(answers[place]).toMatchObject({ status: 200, body: { predictions: labels } });
  }
  await server.close();
  await expect(ask("/health")).rejects.toThrow();
});

test("refuses what is no request, or too much of one, by name", async () => {
  const { server, ask } = await tinyServer();
  expect(await ask("/")).toMatchObject({ status: 404 });
  expect(await ask("/predict", "{")).toEqual({ status: 400, body: { error: "the body is no JSON" } });
  expect(await ask("/predict", "[]")).toMatchObject({ status: 400, body: { error: expect.stringMatching(/"texts"/) } });
  expect(await ask("/predict", bodyOf(1))).toMatchObject({ status: 400 });
  expect(await ask("/predict", bodyOf("a".repeat(10_001)))).toMatchObject({ status: 400 });
  expect(await ask("/predict", bodyOf(...Array(65).fill("a")))).toMatchObject({ status: 400 });
  expect(await ask("/predict", bodyOf("a".repeat(300_000)))).toMatchObject({ status: 413 });
  expect(await ask("/finetune", JSON.stringify({ rows: ["good"] }))).toMatchObject({ status: 400 });
  await server.close();
});

describe.skipIf(!isBuilt)("it learns (needs npm run build)", () => {
  test("and tells of it as it goes, then answers with what it learned", async () => {
    const { server, send, ask } = await tinyServer({ steps: 6 });
    const events = [];
    for await (const event of eventsOf(await send("/finetune", JSON.stringify({ rows })))) events.push(event);
    const names = events.map(({ name }) => name).filter((name) => name !== "notice");
    expect([names[0], names.filter((name) => name === "step").length, names.at(-1)]).toEqual(["start", 6, "done"]);
    expect(events.at(-1)?.data).toEqual({ verdict: expect.any(String) });
    const { body } = await ask("/predict", bodyOf("the film was good"));
    expect(Object.keys(body.predictions?.[0]?.probabilities ?? {}).sort()).toEqual(["not", "recommended"]);
    await server.close();
  });

  test("and answers meanwhile, learns one thing at a time, and no longer than somebody listens", async () => {
    const { server, send, ask } = await tinyServer({ steps: 1_000_000 });
    for await (const { name } of eventsOf(await send("/finetune", JSON.stringify({ rows })))) {
      if (name !== "step") continue;
      expect(await ask("/predict", bodyOf("the film was good"))).toMatchObject({ status: 200 });
      expect(await ask("/finetune", JSON.stringify({ rows }))).toMatchObject({ status: 409 });
      break;
    }
    await expect.poll(async () => (await ask("/health")).body.teaching, { timeout: 20_000 }).toBe(false);
    await server.close();
  });

  test("and says what is wrong with the rows; a server that is closed ends it", async () => {
    const { server, send } = await tinyServer({ steps: 1_000_000 });
    const failure = [];
    for await (const event of eventsOf(await send("/finetune", JSON.stringify({ rows: [] })))) failure.push(event);
    expect(failure).toMatchObject([{ name: "failure", data: { error: expect.stringMatching(/`train` has no rows/) } }]);
    let last = "";
    for await (const { name } of eventsOf(await send("/finetune", JSON.stringify({ rows })))) {
      if (name === "step" && last !== "step") void server.close();
      last = name;
    }
    expect(last).toBe("failure");
  });
});
