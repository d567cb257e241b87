/** The page of a model that is pushed: what it was made from, how, and how good it is, from its summary. */
import { isObject } from "../files/json-value.js";

type Json = Readonly<Record<string, unknown>>;

const object = (value: unknown): Json => (isObject(value) ? value : {});

/**
 * A model card in Markdown.
 * @param summary the content of summary.json; what it has not is left out
 */
export function modelCard(name: string, summary: Json): string {
  const { task, optimizer, steps, versions } = summary;
  const { source: model } = object(summary.model);
  const configuration = object(summary.configuration);
  const hubModel =
    typeof model === "string" && /^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/.test(model) ? model.replace(/@.*/, "") : undefined;
  const base = typeof model === "string" ? (hubModel ?? model.split(/[\\/]/).at(-1)) : undefined;
  const changed = object(object(summary.parameters).everChanged);
  const metrics = Object.entries(object(object(summary.evaluation).final)).filter(
    ([, value]) => typeof value === "number",
  );
  const data = typeof configuration.train === "string" ? configuration.train.split(/[\\/]/).at(-1) : undefined;
  const settings = ["optimizer", "learningRate", "density", "finalDensity", "batchSize", "epochs", "maxLength", "seed"]
    .map((key) => [key, configuration[key] ?? summary[key]] as const)
    .filter(([, value]) => ["string", "number"].includes(typeof value));
  const front = [
    "---",
    "library_name: transformers",
    ...(hubModel === undefined ? [] : [`base_model: ${hubModel}`]),
    "tags:",
    "- nanoadam",
    "---",
  ];
  const said = [
    `# ${name.split("/").at(-1)}`,
    [
      base === undefined ? "Fine-tuned" : `${base}, fine-tuned`,
      typeof task === "string" ? ` for ${task}` : "",
      typeof steps === "number" ? ` in ${steps} steps` : "",
      typeof optimizer === "string" ? ` by ${optimizer}` : "",
      " with nanoadam",
      typeof object(versions).nanoadam === "string" ? ` ${object(versions).nanoadam}` : "",
      ".",
    ].join(""),
    ...(data === undefined ? [] : [`Trained on \`${data}\`${rowsOf(summary)}.`]),
    ...(typeof changed.share === "number"
      ? [`${(100 * changed.share).toPrecision(3)} % of the weights differ from the base's or were trained anew.`]
      : []),
    ...(metrics.length === 0 ? [] : ["## Evaluation", table(metrics)]),
    ...(settings.length === 0 ? [] : ["## Settings", table(settings)]),
  ];
  return `${[front.join("\n"), ...said].join("\n\n")}\n`;
}

function rowsOf({ examples }: Json): string {
  const { train } = object(examples);
  return typeof train === "number" ? `, ${train} examples` : "";
}

function table(entries: readonly (readonly [string, unknown])[]): string {
  const shown = (value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
  return [
    "| | |",
    "|---|---|",
    ...entries.map(([key, value]) => `| ${key} | ${shown(value).replaceAll("|", "\\|")} |`),
  ].join("\n");
}
