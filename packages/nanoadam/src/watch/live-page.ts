/** The page of a run that is going on: a frame that the browser loads once, and what the server sends into it. */
import { createHash } from "node:crypto";
import { escapeMarkup } from "../escape-markup.js";
import { formatCount, formatSeconds, formatShare } from "../format.js";
import type { RunHistory } from "./history.js";
import { curvesSection, factsTable, page } from "./page.js";

const script = `
const run = document.getElementById("run");
const events = new EventSource("events");
events.onmessage = ({ data }) => { run.innerHTML = JSON.parse(data); };
events.onerror = () => { document.getElementById("state").textContent = "nanoadam watch has ended, or cannot be reached."; };
`;

/** Nothing may be loaded, and no script may run but the page's own. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function framePage(title: string): string {
  const body = `<h1>${escapeMarkup(title)}</h1>\n<main id="run"><p id="state" class="quiet">Waiting for the run.</p></main>`;
  return page(title, `${body}\n<script>${script}</script>`);
}

/** What stands in the frame. */
export function liveContent(history: RunHistory, isLive: boolean): string {
  const last = history.steps.at(-1);
  const total = history.start?.totalSteps;
  const done = last?.step ?? 0;
  const isDone = !isLive || (total !== undefined && done >= total);
  const bar =
    total === undefined ? "" : `<progress max="${total}" value="${done}" aria-label="steps taken"></progress>\n`;
  const state = isLive ? (isDone ? "evaluating and saving" : "running") : "not running any more";
  const of = total === undefined ? formatCount(done) : `${formatCount(done)} of ${formatCount(total)}`;
  return `${bar}<p id="state" class="quiet">${state}; ${of} steps</p>\n${factsTable(factsOf(history, isDone))}\n${curvesSection(history)}`;
}

function factsOf({ start, steps, evaluations }: RunHistory, isDone: boolean): (readonly [string, string])[] {
  const last = steps.at(-1);
  const measured = evaluations.at(-1);
  return [
    ...(start === undefined
      ? []
      : [
          ["model", `${start.architecture} from ${start.source}, ${formatCount(start.parameters)} parameters`] as const,
          ["steps", `${start.batchSize} rows each, ${formatCount(start.stepsPerEpoch)} an epoch`] as const,
        ]),
    ...(last === undefined
      ? []
      : [
          ["epoch", last.epoch.toFixed(2)] as const,
          ["loss", last.loss.toPrecision(4)] as const,
          ["learning rate", last.learningRate.toExponential(2)] as const,
          ["pace", `${last.examplesPerSecond.toPrecision(3)} examples a second`] as const,
        ]),
    ...(last === undefined || start === undefined || isDone || !(last.examplesPerSecond > 0)
      ? []
      : [
          ["left", formatSeconds(((start.totalSteps - last.step) * start.batchSize) / last.examplesPerSecond)] as const,
        ]),
    ...(measured === undefined
      ? []
      : Object.entries(measured.eval).map(
          ([name, value]) => [`evaluation ${name}`, `${value.toFixed(4)} after step ${measured.step}`] as const,
        )),
    ...(measured?.changedShare === undefined ? [] : [["weights changed", formatShare(measured.changedShare)] as const]),
  ];
}
