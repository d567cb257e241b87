/** The names under which checkpoints have a model's parameters. */
import type { CheckpointEntry } from "./weight-files.js";

/**
 * The checkpoint's tensor for a parameter, by its name or those that base-model checkpoints and old TensorFlow conversions
 * give it.
 * @param backbone the backbone's name inside checkpoints
 */
export function entryOf(
  entries: ReadonlyMap<string, CheckpointEntry>,
  parameter: string,
  backbone: string,
): CheckpointEntry | undefined {
  for (const name of namesInCheckpoints(parameter, backbone)) {
    const entry = entries.get(name);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

function namesInCheckpoints(name: string, basePrefix: string): string[] {
  const names = [name];
  if (name.startsWith(`${basePrefix}.`)) names.push(name.slice(basePrefix.length + 1));
  const old = names.map((known) =>
    known.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta"),
  );
  return [...names, ...old];
}
