/** The live page: what is served to whom, and that it follows a run. */
import { request } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { finetune } from "../recipes/finetune.js";
import { openPage } from "../testing/browser.js";
import { chromium } from "../testing/chromium.js";
import { type Readability, readability } from "../testing/readability.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { serveRun } from "./server.js";

async function served(folder: string) {
  const server = await serveRun(folder, { port: 0, interval: 10 });
  onTestFinished(() => server.close());
  return server;
}

/** The status and the body of an answer; `fetch` would not let a test choose its Host. */
function answerTo(
  url: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<[number, string, object]> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () => resolve([response.statusCode ?? 0, String(Buffer.concat(pieces)), response.headers]));
    })
      .on("error", reject)
      .end();
  });
}

/** Waits for an event of the stream that has a text. */
async function eventWith(url: string, text: string): Promise<string> {
  const stream = await fetch(`${url}events`);
  expect(stream.headers.get("content-type")).toBe("text/event-stream");
  const decoder = new TextDecoder();
  let received = "";
  for await (const piece of stream.body ?? []) {
    received += decoder.decode(piece, { stream: true });
    const events = received.split("\n\n").slice(0, -1);
    const found = events
      .map((event) => String(JSON.parse(event.replace(/^data: /, ""))))
      .find((event) => event.includes(text));
    if (found !== undefined) return found;
  }
  throw new Error(`the stream ended before "${text}"`);
}

test("a run that goes on is followed to its end", async () => {
  const place = await tinyPlace();
  const input = tinyInput(place, { steps: 6, logEvery: 1, evalEvery: 2 });
  const signal = { seen: false };
  let watching: Promise<void> | undefined;
  const watch = async () => {
    const { url } = await served(input.output);
    expect(await eventWith(url, "of 6 steps")).toContain("evaluation accuracy");
    const last = await eventWith(url, "6 of 6 steps");
    expect(last.match(/<svg/g)?.length).toBe(9);
    expect(await eventWith(url, "not running any more")).toContain("6 of 6 steps");
    signal.seen = true;
  };
  const observer = {
    onStep({ step }: { step: number }) {
      if (step === 1) watching = watch();
    },
  };
  await finetune(input, { observers: [observer] });
  await watching;
  expect(signal.seen).toBe(true);
});

test.skipIf(chromium === undefined)(
  "a browser shows the curves grow, on light screens and dark, and loads nothing else",
  { timeout: 120_000 },
  async () => {
    const place = await tinyPlace();
    const input = tinyInput(place, { steps: 20, logEvery: 1, evalEvery: 5 });
    const seen = "[document.querySelectorAll('svg').length, document.getElementById('state').textContent]";
    const look = async () => {
      const { url } = await served(input.output);
      const pages = await Promise.all((["light", "dark"] as const).map((scheme) => openPage(url, { scheme })));
      return { url, pages };
    };
    let watching: ReturnType<typeof look> | undefined;
    const observer = {
      // The run waits until the browsers are there.
      async betweenSteps({ step }: { readonly step: number }) {
        if (step !== 2) return;
        watching = look();
        for (const page of (await watching).pages) {
          await expect
            .poll(() => page.evaluate(seen), { timeout: 10_000 })
            .toEqual([9, expect.stringMatching(/^running; [23] of 20 steps$/)]);
        }
      },
    };
    await finetune(input, { observers: [observer] });
    const { url, pages = [] } = (await watching) ?? {};
    for (const page of pages) {
      await expect
        .poll(() => page.evaluate(seen), { timeout: 10_000 })
        .toEqual([9, "not running any more; 20 of 20 steps"]);
      const { contrasts } = (await page.evaluate(readability)) as Readability;
      expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
      expect(page.requests.filter((each) => !each.endsWith("/favicon.ico"))).toEqual([url, `${url}events`]);
      expect(page.complaints.filter((each) => !/favicon/.test(each))).toEqual([]);
    }
  },
);

test("only the browser of this machine is answered, and only its own pages", async () => {
  const { folder } = await tinyRun();
  const { url } = await served(folder);
  expect(new URL(url).hostname).toBe("127.0.0.1");
  const [status, page, headers] = await answerTo(url);
  expect(status).toBe(200);
  expect(page).toContain("<title>run-");
  expect(headers).toMatchObject({ "content-security-policy": expect.stringContaining("default-src 'none'") });
  const port = new URL(url).port;
  expect((await answerTo(url, { host: `localhost:${port}` }))[0]).toBe(200);
  for (const host of ["example.org", `example.org:${port}`, "127.0.0.1", `127.0.0.1.example.org:${port}`]) {
    expect((await answerTo(url, { host }))[0], host).toBe(403);
  }
  for (const origin of ["http://example.org", "null", `https://localhost:${port}`, "http://localhost"]) {
    expect((await answerTo(`${url}events`, { origin }))[0], origin).toBe(403);
  }
  expect((await answerTo(url, {}, "POST"))[0]).toBe(405);
  expect((await answerTo(`${url}../../etc/passwd`))[0]).toBe(404);
});

test("a folder without a run, and a port that is taken, are refused", async () => {
  const folder = await temporaryFolder();
  await expectRefusal(serveRun(join(folder, "none"), { port: 0 }), "none", "metrics.jsonl");
  const run = await tinyRun();
  const { url } = await served(run.folder);
  await expectRefusal(serveRun(run.folder, { port: Number(new URL(url).port) }), "`port`", "in use");
});
