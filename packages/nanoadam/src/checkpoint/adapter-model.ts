/** Which model an adapter makes of its base: the head that it was trained with, and how many outputs that has. */
import { labelCountOf } from "../data/labels.js";
import { defineModel } from "../models/architectures.js";
import type { RawConfig } from "../models/config.js";
import type { Model } from "../models/model.js";
import { peftName } from "./adapter-tensors.js";
import type { CheckpointEntry } from "./weight-files.js";

type Entries = ReadonlyMap<string, Pick<CheckpointEntry, "shape">>;

/**
 * The model of an adapter.
 * @param config of the base, or the adapter's own
 * @param classEnding the end of the class that the adapter was made on, where it is known
 * @param stored the tensors of the adapter's file
 * @param base those of the base
 */
export function modelOfAdapter(
  config: RawConfig,
  classEnding: string | undefined,
  { stored, base }: { readonly stored: Entries; readonly base: Entries },
): Model {
  const architecture = String(Array.isArray(config.architectures) ? config.architectures[0] : "");
  const ending = classEnding ?? architecture;
  if (ending.endsWith("ForMaskedLM")) return defineModel(config, { kind: "language-model", predicts: "masked" });
  if (ending.endsWith("ForCausalLM")) return defineModel(config, { kind: "language-model", predicts: "next" });
  const per = ending.endsWith("ForTokenClassification") ? "position" : "example";
  const withOutputs = (outputs: number) => defineModel(config, { kind: "outputs", per, outputs });
  const last = withOutputs(1).parameters.findLast(({ role, shape }) => role === "head" && shape.length === 2);
  const found = stored.get(peftName(last?.name ?? "")) ?? base.get(last?.name ?? "");
  return withOutputs(found?.shape[0] ?? labelCountOf(config));
}

/** The configuration of a model that an adapter makes: its class, and labels as many as its outputs. */
export function configOfAdapter(base: RawConfig, { architecture, head }: Model): RawConfig {
  const config = { ...base, architectures: [architecture] };
  if (head.kind !== "outputs" || labelCountOf(base) === head.outputs) return config;
  const names = Array.from({ length: head.outputs }, (_, id) => `LABEL_${id}`);
  return {
    ...config,
    num_labels: undefined,
    id2label: Object.fromEntries(names.map((name, id) => [String(id), name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
  };
}

/**
 * The model whose head has a last layer of its own, where the adapter changes one of the two that a tied head has in
 * common: the embeddings, or that layer. PEFT leaves the other one as it was.
 */
export function untiedModel(
  config: RawConfig,
  model: Model,
  adapted: { readonly parameters: ReadonlyMap<string, unknown>; readonly stored: Entries },
): { readonly config: RawConfig; readonly model: Model } | undefined {
  if (model.head.kind !== "language-model" || config.tie_word_embeddings === false) return undefined;
  const hasLastLayer = model.tiedNames.some((name) => name.endsWith(".weight") && adapted.stored.has(peftName(name)));
  const changesEmbeddings = headParameters(model).some(
    ([, { name, role }]) => role === "embedding" && adapted.parameters.has(name),
  );
  if (!hasLastLayer && !changesEmbeddings) return undefined;
  const untied = { ...config, tie_word_embeddings: false };
  return { config: untied, model: defineModel(untied, model.head) };
}

/** Of each parameter that an untied head has for itself, the tied one's, which it starts from. */
export function startsOfUntied(tied: Model, untied: Model): ReadonlyMap<string, string> {
  const before = new Map(headParameters(tied).map(([local, { name }]) => [local, name]));
  return new Map(
    headParameters(untied).flatMap(([local, { name }]) => {
      const start = before.get(local);
      return start === undefined || start === name ? [] : [[name, start] as const];
    }),
  );
}

function headParameters(model: Model) {
  return Object.entries(model.stages.at(-1)?.parameters ?? {});
}
