/** The page of an analysis: it needs nothing else, says what was found in the data's numbers, and is readable at any width. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { Analysis } from "../analysis/analysis.js";
import type { HistogramRecord } from "../analysis/joint-histogram.js";
import { gradientAxis, weightAxis } from "../analysis/joint-histogram.js";
import { openPage } from "../testing/browser.js";
import { chromium, runPage } from "../testing/chromium.js";
import { type Readability, readability } from "../testing/readability.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { extentOf, powerOfTen, topsOf } from "./analysis-charts.js";
import { analysisHtml, shortNames } from "./analysis-page.js";
import { figure } from "./findings.js";

async function tinyAnalysis(): Promise<{ analysis: Analysis; html: string }> {
  const { folder } = await tinyRun({ analyze: true, steps: 6, evalEvery: 2 }, await tinyPlace());
  return {
    analysis: JSON.parse(await readFile(join(folder, "analysis.json"), "utf8")) as Analysis,
    html: await readFile(join(folder, "analysis.html"), "utf8"),
  };
}

test("it has a picture for each layer and step, and under each what to look for and what was found", async () => {
  const { analysis, html } = await tinyAnalysis();
  expect(html).not.toMatch(/\b(src|href|action|srcset)=|url\(|@import|<script|<iframe|<link/i);
  expect(html).not.toMatch(/https?:/);
  const { document } = parseHTML(html);
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map(({ textContent }) => textContent ?? "");
  expect(texts("h2")).toEqual([
    "Weights and their gradients",
    "The ratio r by layer",
    "Large gradients on small weights",
    "What a selection would catch",
    "Change by magnitude",
    "Weights ever changed",
    "Shift by layer",
    "Effective learning rate",
    "All layers, at step 6",
    "The run",
  ]);
  // Four probes of the whole, three stages with the encoder's two layers, and the head.
  expect(document.querySelectorAll(".panels svg").length).toBe(4 * 5);
  const [last] = analysis.probes.slice(-1);
  expect(texts(".found").join(" ")).toContain(figure(last?.whole?.ratio.value));
  expect(texts("svg text")).toContain("0.001\u00a0%");
  expect(texts(".found").join(" ")).not.toMatch(/NaN|undefined|null|Infinity/);
  expect(document.querySelectorAll("svg[role=img][aria-label]").length).toBe(document.querySelectorAll("svg").length);
  // Colours are the page's, which has two sets of them.
  expect(html).toContain("prefers-color-scheme: dark");
  expect(html.match(/<(?:g|path|rect|circle)[^>]*(?:fill|stroke)="(?!var\(|none|currentColor)[^"]*"/g)).toBeNull();
});

test("of an optimizer without second moments it says that there is no effective learning rate", async () => {
  const { folder } = await tinyRun({ analyze: true, at: "2", steps: 2, optimizer: "nanolion" }, await tinyPlace());
  const { document } = parseHTML(await readFile(join(folder, "analysis.html"), "utf8"));
  const section = [...document.querySelectorAll("section")].find(({ textContent }) =>
    textContent?.startsWith("Effective learning rate"),
  );
  expect(section?.textContent).toContain("There is none: nanolion has no second moments");
  expect(section?.querySelector("svg")).toBeNull();
});

test("names are texts, and an analysis of nothing says so", () => {
  const analysis: Analysis = {
    format: 1,
    model: "<b>&",
    architecture: "<i>",
    fromScratch: false,
    task: "t",
    optimizer: "o",
    learningRate: 1,
    totalSteps: 1,
    axes: { weight: weightAxis, gradient: gradientAxis },
    shares: { weights: [], gradients: [] },
    selection: { density: 0.1 },
    probes: [],
    changed: [],
  };
  const { document } = parseHTML(analysisHtml(analysis, "<script>x</script>"));
  expect(document.querySelectorAll("script, b, i").length).toBe(0);
  expect(document.querySelector("body")?.textContent).toContain("Nothing could be measured.");
});

test("layers are told apart by as little of their names as that takes", () => {
  expect(shortNames(["bert.embeddings", "bert.encoder.layer.0", "classifier"])).toEqual([
    "embeddings",
    "0",
    "classifier",
  ]);
  expect(shortNames(["layer1.0", "layer2.0"])).toEqual(["layer1.0", "layer2.0"]);
});

test("pictures reach as far as entries can be seen, and their line has a hundredth of each column above it", () => {
  const axes = { weight: weightAxis, gradient: gradientAxis };
  const histogram: HistogramRecord = {
    cells: [
      [0, 0, [1]],
      [56, 80, [900_000, 90_000, 9_000, 990, 10]],
    ],
    zeroGradients: 0,
    zeroWeights: 0,
  };
  expect(extentOf([histogram], axes)).toEqual({ weight: [-2, -1], gradient: [-6, -5] });
  expect(topsOf(histogram, axes)).toEqual([{ x: -9 + 56.5 / 8, y: -16 + 82.5 / 8 }]);
  expect(powerOfTen(-12)).toBe("10⁻¹²");
});

const measure = `
  const html = await (await fetch("/page/analysis.html")).text();
  const found = [];
  for (const width of [1280, 400]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "border: 0; height: 900px; width: " + width + "px";
    await new Promise((resolve) => { frame.onload = resolve; frame.srcdoc = html; document.body.append(frame); });
    const inner = frame.contentDocument;
    const boxOf = (element) => element.getBoundingClientRect();
    const overlaps = [];
    let smallest = 100;
    for (const svg of inner.querySelectorAll("svg")) {
      const outer = boxOf(svg);
      const texts = [...svg.querySelectorAll("text")].filter(({ textContent }) => textContent.trim() !== "");
      for (const [place, text] of texts.entries()) {
        const box = boxOf(text);
        smallest = Math.min(smallest, box.height);
        if (box.left < outer.left - 1 || box.right > outer.right + 1 || box.bottom > outer.bottom + 1 || box.top < outer.top - 1) overlaps.push("cut: " + text.textContent + " in " + svg.getAttribute("aria-label"));
        for (const other of texts.slice(place + 1)) {
          const next = boxOf(other);
          const isSteep = [text, other].some((each) => /rotate/.test(each.getAttribute("transform") ?? ""));
          const apart = box.right <= next.left + 0.5 || next.right <= box.left + 0.5 || box.bottom <= next.top + 2 || next.bottom <= box.top + 2;
          if (!apart && !isSteep) overlaps.push(text.textContent + " on " + other.textContent + " in " + svg.getAttribute("aria-label"));
        }
      }
    }
    found.push({ width, overlaps, smallest, isScrolled: inner.documentElement.scrollWidth > width, pictures: inner.querySelectorAll("svg").length });
    frame.remove();
  }
  done({ found, requests: performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname) });
`;

test.skipIf(chromium === undefined)(
  "in a browser, at 1,280 and 400 pixels, no label lies on another or is cut off, all can be read, and nothing is loaded",
  { timeout: 120_000 },
  async () => {
    const folder = join(await temporaryFolder(), "page");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "analysis.html"), (await tinyAnalysis()).html);
    const result = (await runPage(measure, { page: folder })) as {
      readonly found: readonly Record<string, unknown>[];
      readonly requests: readonly string[];
    };
    // A browser asks any server for its icon.
    expect(result.requests.filter((path) => path !== "/favicon.ico")).toEqual(["/page/analysis.html"]);
    for (const { width, smallest, ...rest } of result.found) {
      expect({ width, ...rest }).toMatchObject({ overlaps: [], isScrolled: false });
      expect(smallest).toBeGreaterThan(10);
    }
  },
);

test.skipIf(chromium === undefined).each(["light", "dark"] as const)(
  "in a browser, all texts stand out from what is behind them on a %s screen",
  async (scheme) => {
    const file = join(await temporaryFolder(), "analysis.html");
    await writeFile(file, (await tinyAnalysis()).html);
    const page = await openPage(pathToFileURL(file).href, { scheme });
    const { texts, contrasts } = (await page.evaluate(readability)) as Readability;
    expect(texts).toBeGreaterThan(100);
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  },
);
