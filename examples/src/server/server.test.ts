/** The server of docs/web-app.md, on a tiny model. */
import { openModel, predictTexts } from "nanoadam";
import { expect, test } from "vitest";
import { tinyRun } from "../../../packages/nanoadam/src/testing/tiny-run.js";
import { inBatches } from "./batches.js";
import { startServer } from "./server.js";

/** A server with a model of its own, and a function that asks it. */
async function tinyServer() {
  const { folder } = await tinyRun();
  const server = await startServer(await openModel(folder, { threads: 1 }), 0);
  const ask = async (path: string, body?: string) => {
    const request = body === undefined ? {} : { method: "POST", body };
    const response = await fetch(`http://localhost:${server.port}${path}`, request);
    return { status: response.status, body: await response.json() };
  };
  return { folder, server, ask };
}

const bodyOf = (...texts: unknown[]) => JSON.stringify({ texts });

test("answers requests that overlap, each with its own predictions, and ends when it is closed", async () => {
  const { folder, server, ask } = await tinyServer();
  expect(await ask("/health")).toEqual({ status: 200, body: { ready: true, waiting: 0 } });
  const asked = [["the film was good"], ["bad plot", "the cast is gold", ""]];
  const answers = await Promise.all(asked.map((texts) => ask("/predict", bodyOf(...texts))));

  const model = await openModel(folder, { threads: 1 });
  for (const [place, texts] of asked.entries()) {
    const alone = await predictTexts(
      model,
      texts.map((text) => ({ text })),
    );
    const labels = alone.map(({ text, ...outcome }) => ({
      text,
      label: "label" in outcome ? outcome.label : undefined,
    }));
    expect(answers[place]).toMatchObject({ status: 200, body: { predictions: labels } });
  }
  await model.release();

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
  await server.close();
});

test("texts that arrive while others are computed go into one batch", async () => {
  const { folder } = await tinyRun();
  const model = await openModel(folder, { threads: 1 });
  const batches = inBatches(model);
  const first = batches.predict(["good"]);
  const others = ["bad", "the plot", "this film"].map((text) => batches.predict([text]));
  expect(batches.waiting()).toBe(3);
  await first;
  expect(batches.waiting()).toBe(0);
  expect((await Promise.all(others)).map(([one]) => one?.text)).toEqual(["bad", "the plot", "this film"]);
  await model.release();
});

test("a failure reaches those who wait for it", async () => {
  const { folder } = await tinyRun();
  const model = await openModel(folder, { threads: 1 });
  await model.release();
  await expect(inBatches(model).predict(["good"])).rejects.toThrow();
});
