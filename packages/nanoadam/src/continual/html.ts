/** A sequence of tasks as one page that needs nothing else. */
import { escapeMarkup } from "../escape-markup.js";
import type { Table } from "../markdown-table.js";
import type { Curve } from "../watch/curves.js";
import { drawHeatMap } from "../watch/draw.js";
import { curveFigure, factsTable, figureWith, page, rowsTable } from "../watch/page.js";
import type { ContinualReport } from "./report.js";
import { matrixTable, notesOf, shiftTable, tasksTable, titleOf } from "./tables.js";

export function continualHtml(report: ContinualReport): string {
  const curves = curvesByMetric(report);
  const title = titleOf(report);
  return page(
    title,
    [
      `<h1>${escapeMarkup(title)}</h1>`,
      `<p>${escapeMarkup(`${String(report.configuration.model)}. ${notesOf(report).join(" ")}`)}</p>`,
      "<h2>What each task is worth after each</h2>",
      htmlTable(matrixTable(report)),
      "<h2>Tasks</h2>",
      htmlTable(tasksTable(report)),
      ...(curves.length === 0
        ? []
        : ["<h2>Over the whole sequence</h2>", `<div class="charts">\n${curves.map(curveFigure).join("\n")}\n</div>`]),
      ...shiftSection(report),
      "<h2>Configuration</h2>",
      factsTable(
        Object.entries(report.configuration).flatMap(([name, value]): [string, string][] =>
          value === undefined ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)]],
        ),
      ),
    ].join("\n"),
  );
}

function htmlTable({ headings, rows }: Table): string {
  return rowsTable(
    headings,
    rows.map(([first = "", ...others]) => [first, ...others.map((text) => ({ text }))]),
  );
}

/** A chart for each figure, with all tasks that it stands for. */
function curvesByMetric({ tasks, curves, rows }: ContinualReport): Curve[] {
  const metrics = [...new Set(tasks.flatMap(({ metric }) => metric ?? []))];
  let step = 0;
  const sections = rows.flatMap(({ after }) => {
    const learned = tasks.find(({ name }) => name === after);
    if (learned?.training === undefined) return [];
    const section = { x: step, label: learned.name };
    step += learned.training.steps;
    return [section];
  });
  return metrics.map((metric) => ({
    title: metric,
    unit: "number",
    sections,
    series: tasks
      .filter((task) => task.metric === metric)
      .map(({ name }) => ({
        name,
        isMarked: true,
        points: (curves.find(({ task }) => task === name)?.points ?? []).map(({ step: x, value: y }) => ({ x, y })),
      }))
      .filter(({ points }) => points.length > 0),
  }));
}

function shiftSection(report: ContinualReport): string[] {
  const { shifts } = report;
  if (shifts.length === 0) return [];
  const greatest = Math.max(...shifts.flatMap(({ layers }) => layers.flatMap(({ tensors }) => Object.values(tensors))));
  const maps = shifts.map(({ after, layers }) => {
    const title = `after ${after}`;
    const cells = layers.flatMap(({ layer, tensors }) =>
      Object.entries(tensors).map(([column, value]) => ({ row: layer, column, value })),
    );
    const columns = [...new Set(cells.map(({ column }) => column))];
    const picture = drawHeatMap({ title, rows: layers.map(({ layer }) => layer), columns, cells, greatest });
    return figureWith(title, `<div class="wide answers">${picture}</div>`);
  });
  return [
    "<h2>How far the body moved</h2>",
    '<p class="quiet">From where it began; l2 norms by tensor, without the heads.</p>',
    htmlTable(shiftTable(report)),
    `<div class="charts">\n${maps.join("\n")}\n</div>`,
  ];
}
