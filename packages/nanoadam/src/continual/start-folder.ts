/** What a task starts from: the body as the task before left it, and what the model came with above it, without a head for classes. */
import { basename } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { bodyOf, storedBody } from "../checkpoint/body.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { parameterFinder } from "../checkpoint/parameter-names.js";
import { type WritableTensor, writableAs, writeSafetensors } from "../checkpoint/write-safetensors.js";
import { OutputFolder } from "../files/output-folder.js";
import { copyFileAtomically, writeFileAtomically } from "../files/write-file.js";
import { defineBackbone } from "../models/architectures.js";
import { assembleModel, type Backbone, type HeadSpecification } from "../models/model.js";
import { loadModelFiles } from "../tasks/model-files.js";
import { taskOfConfig } from "../tasks/registry.js";

/**
 * Writes a checkpoint whose body is that of `body` and all else of `base`, but for an output layer of classes: a run that starts
 * from it draws its own. Poolers and heads over a vocabulary are those that the model came with, in each task anew.
 */
export async function writeStart(
  target: string,
  { base, body }: { readonly base: string; readonly body: string },
): Promise<void> {
  const [from, trained] = [await openModelFolder(base), await openModelFolder(body)];
  const output = await OutputFolder.create(target, { overwrite: true, inputs: { model: from.folders } });
  try {
    const backbone = defineBackbone(from.config);
    const files = await loadModelFiles(backbone.input, from.tokenizerFolder, { asked: undefined, folder: base });
    const { head } = taskOfConfig(from.config, `${from.folder}/config.json`, files);
    const tensors = [...storedBody(trained, backbone), ...storedBesides(from, backbone, head)];
    await writeSafetensors(output.path("model.safetensors"), tensors);
    const { id2label: _names, label2id: _ids, num_labels: _count, ...config } = from.config;
    await writeFileAtomically(output.path("config.json"), `${JSON.stringify(config, null, 2)}\n`);
    for (const file of files.paths) await copyFileAtomically(file, output.path(basename(file)));
    await output.commit();
  } finally {
    await output.discard();
    await trained.close();
    await from.close();
  }
}

/** The tensors of a checkpoint that are neither of its body nor the output layer of a head for classes. */
function storedBesides(checkpoint: Checkpoint, backbone: Backbone, head: HeadSpecification): WritableTensor[] {
  const { tiedNames, parameters } = assembleModel(backbone, head);
  const find = parameterFinder(checkpoint.entries, { backbone });
  const outputs = parameters.filter(
    ({ role, shape }) => role === "head" && head.kind === "outputs" && shape[0] === head.outputs,
  );
  const left = new Set([
    ...bodyOf(checkpoint, backbone).map(({ found }) => found.entry.name),
    ...outputs.flatMap(({ name }) => find(name)?.entry.name ?? []),
    ...tiedNames,
  ]);
  return [...checkpoint.entries.values()].flatMap(({ name, shape, dtype }): WritableTensor[] => {
    if (left.has(name) || !/^(F|BF)\d+$/.test(dtype)) return [];
    const values = () => checkpoint.readFloat32(name, new Float32Array(sizeOf(shape)));
    return [{ name, shape, dtype: writableAs(dtype), values }];
  });
}
