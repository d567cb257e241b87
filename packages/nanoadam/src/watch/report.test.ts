/** The report of a run: one file that needs nothing else, with everything in it, whatever labels and texts are. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { AbortError } from "../errors.js";
import { finetune } from "../recipes/finetune.js";
import { openPage } from "../testing/browser.js";
import { chromium } from "../testing/chromium.js";
import { type Readability, readability } from "../testing/readability.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun } from "../testing/resumed-run.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { reportHtml } from "./report.js";

/** A parsed page, which must not name anything outside of itself. */
function pageOf(html: string) {
  expect(html).not.toMatch(/\b(src|href|action|srcset)=|url\(|@import|<script|<iframe|<link/i);
  expect(html).not.toMatch(/https?:/);
  const { document } = parseHTML(html);
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map((element) => element.textContent?.trim() ?? "");
  return { document, texts };
}

test("of a classifier it has result, curves, the matrix of confusions, the worst mistakes and the configuration", async () => {
  const place = await tinyPlace();
  const { folder, summary } = await tinyRun({ report: true, steps: 6, evalEvery: 2 }, place);
  const { document, texts } = pageOf(await readFile(`${folder}-report.html`, "utf8"));
  expect(texts("h2")).toEqual([
    "Result",
    "Curves",
    "Answers",
    "By label",
    "Examples it got most wrong",
    "Configuration",
  ]);
  expect(texts("figcaption strong")).toEqual([
    "Loss",
    "accuracy",
    "f1",
    "matthews",
    "Learning rate",
    "Gradient norm before clipping",
    "Density of the selections",
    "Share of weights changed",
    "Examples a second",
  ]);
  expect(texts("p")).toContain(summary.review.verdict);
  expect(document.querySelectorAll("svg[role=img][aria-label]").length).toBe(10);
  expect(texts(".facts th")).toEqual(expect.arrayContaining(["accuracy", "changed", "optimizer", "learningRate"]));
  for (const { text } of summary.review.mistakes ?? []) expect(texts(".rows td")).toContain(text);
});

test("of numbers it has predictions beside what was expected", async () => {
  const place = await tinyPlace();
  const report = join(place.folder, "numbers.html");
  await tinyRun({ report, task: "regression", label: "score" }, place);
  const { document, texts } = pageOf(await readFile(report, "utf8"));
  expect(texts("h2")).toContain("Answers");
  expect(document.querySelectorAll(".answers circle").length).toBe(24);
});

test("an interrupted run leaves one that says so, and the next run replaces it", async () => {
  const place = await tinyPlace();
  const signal = { aborted: false };
  const input = tinyInput(place, { report: true, steps: 8, evalEvery: 2 });
  const observer = {
    onStep({ step }: { step: number }) {
      signal.aborted = step === 3;
    },
  };
  await expect(finetune(input, { observers: [observer], signal })).rejects.toThrow(AbortError);
  const report = `${input.output}-report.html`;
  const { texts } = pageOf(await readFile(report, "utf8"));
  expect(texts("p").join(" ")).toMatch(/Not finished: 3 of 8 steps\..*interrupted after 3 of 8 steps/s);
  expect(texts("h2")).toEqual(["Result", "Curves", "Configuration"]);
  await finetune(input);
  expect(pageOf(await readFile(report, "utf8")).texts("h2")).toContain("Answers");
});

test("the report of a run that was interrupted and went on has all of its steps", async () => {
  const place = await tinyPlace();
  const input = tinyInput(place, { report: true, steps: 8, logEvery: 1, evalEvery: 2, saveEvery: 2 });
  await interruptedRun(input, [3, 5]);
  const { document, texts } = pageOf(await readFile(`${input.output}-report.html`, "utf8"));
  expect(texts(".facts td")).toContain("8 of 8 steps");
  const [training] = [...document.querySelectorAll("[aria-label='line'] path")];
  expect(training?.getAttribute("d")?.split(/[ML]/).length).toBe(8 + 1);
});

test("a file that is no report is not replaced, nor is what the run is made from", async () => {
  const place = await tinyPlace();
  const report = join(place.folder, "notes.html");
  await writeFile(report, "<p>mine</p>");
  await expectRefusal(tinyRun({ report }, place), report, "`overwrite`");
  await expectRefusal(tinyRun({ report: place.train, overwrite: true }, place), "`train`");
  expect(await readFile(report, "utf8")).toBe("<p>mine</p>");
});

describe("whatever names and texts are", () => {
  const hostile = `"><script>document.title='run'</script><img src=x onerror=alert(1)>&amp;'`;
  const html = reportHtml({
    title: hostile,
    configuration: { [hostile]: hostile },
    ended: hostile,
    history: {
      start: undefined,
      steps: [],
      evaluations: [{ step: 0, epoch: 0, eval: { loss: 1, [hostile]: 0.5 } }],
    },
    result: {
      review: {
        verdict: hostile,
        beatsGuessing: true,
        metric: { name: hostile, value: 1, guessing: 0 },
        classes: [{ name: hostile, examples: 1, precision: 1, recall: 1, f1: 1 }],
        mistakes: [{ text: hostile, line: 2, label: hostile, predicted: hostile, probability: 0.9 }],
      },
      answers: {
        kind: "classes",
        names: [hostile, "b"],
        counts: [
          [1, 0],
          [1, 3],
        ],
      },
      parameters: { total: 10, everChanged: { count: 1, share: 0.1 } },
      optimizer: hostile,
      wallSeconds: 1,
      stepMilliseconds: 1,
      peakRssBytes: 1,
      optimizerStateBytes: 1,
    },
  });

  test("they stay texts", () => {
    const { document } = parseHTML(html);
    expect(document.querySelectorAll("script, img").length).toBe(0);
    expect(document.querySelector("h1")?.textContent).toBe(hostile);
    expect([...document.querySelectorAll("*")].filter((element) => element.hasAttribute("onerror"))).toEqual([]);
    expect(document.querySelector("[aria-label^='How often']")?.getAttribute("aria-label")).toContain(hostile);
  });

  test.skipIf(chromium === undefined)("a browser runs nothing of them, and shows all", async () => {
    const file = join((await tinyPlace()).folder, "hostile.html");
    await writeFile(file, html);
    const page = await openPage(pathToFileURL(file).href);
    expect(await page.evaluate("document.title")).toBe(hostile);
    expect(await page.evaluate("document.querySelectorAll('svg').length")).toBe(3);
    expect(page.requests).toEqual([pathToFileURL(file).href]);
  });
});

describe.skipIf(chromium === undefined).each(["light", "dark"] as const)("on a %s screen", (scheme) => {
  test.each([1280, 400])("of %i pixels all can be read, nothing sticks out, and nothing is loaded", async (width) => {
    const place = await tinyPlace();
    const report = join(place.folder, "report.html");
    await tinyRun({ report, steps: 8, evalEvery: 2 }, place);
    const page = await openPage(pathToFileURL(report).href, { scheme, width });
    const { texts, contrasts } = (await page.evaluate(readability)) as Readability;
    expect(texts).toBeGreaterThan(100);
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    const [least = 0, most = 255] = { light: [200, 255], dark: [0, 60] }[scheme];
    const paper = Number(
      await page.evaluate("Number(/\\d+/.exec(getComputedStyle(document.body).backgroundColor)[0])"),
    );
    expect(paper >= least && paper <= most, String(paper)).toBe(true);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(page.requests).toEqual([pathToFileURL(report).href]);
    expect(page.complaints).toEqual([]);
  });
});
