/**
 * The head that a checkpoint brought, on the body that a run trains. A run that replaces the head leaves the checkpoint's in its
 * folder, from which it is read again; the body is the run's own memory, so that there is no second copy of it.
 */
import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { withLora } from "../models/lora.js";
import { type Model, parametersOf } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";
import type { Checkpoint } from "./checkpoint.js";
import { findSources, isHeldInBfloat16, type Pretrained, type WeightStorage } from "./pretrained.js";

/** A model whose body is a run's. */
export interface ModelOnBody {
  readonly model: Model;
  /** By name, those of the body being the very arrays that the run trains. */
  readonly weights: ReadonlyMap<string, WeightArray>;
}

/**
 * Refuses a checkpoint that lacks a part of a head, or has it in another size.
 * @param base the model that the checkpoint was made as
 * @param purpose what the head is for
 * @throws InputError naming the first tensor
 */
export function requireOwnHead(checkpoint: Pick<Checkpoint, "folder" | "entries">, base: Model, purpose: string): void {
  const { sources, misfits } = findSources(checkpoint, base);
  const [misfit] = misfits;
  if (misfit !== undefined) {
    const { entry, expected } = misfit;
    throw new InputError(
      `\`retain\` measures with the model's own head for ${purpose}, but ${entry.name} of ${checkpoint.folder} has shape [${entry.shape.join(", ")}], expected [${expected.join(", ")}] by config.json`,
    );
  }
  const [missing, ...others] = base.parameters.filter(({ name }) => !sources.has(name)).map(({ name }) => name);
  if (missing === undefined) return;
  const more = others.length === 0 ? "is" : `and ${others.length} more are`;
  throw new InputError(
    `\`retain\` measures with the model's own head for ${purpose}, and ${checkpoint.folder} has none (${missing} ${more} missing); \`retainTask\` measures by another head`,
  );
}

/**
 * The parameters of a checkpoint's own head that are read from it again: none where the run trains that very head on. A pooler
 * below a head that gave way is of the body.
 * @param isTrainedOn whether the run has a parameter of this name that came from the checkpoint
 */
export function ownHeadParameters(
  base: Model,
  isTrainedOn: (name: string) => boolean,
): readonly ParameterSpecification[] {
  const body = new Set(parametersOf(base.backbone.stages).map(({ name }) => name));
  const head = base.parameters.filter(({ name }) => !body.has(name));
  if (head.every(({ name }) => isTrainedOn(name))) return [];
  const isOfBody = ({ name, role }: ParameterSpecification) =>
    (role === "weight" || role === "bias") && isTrainedOn(name);
  return head.filter((parameter) => !isOfBody(parameter));
}

/**
 * A checkpoint's own head on the body of a run, with the adapters that the run has there.
 * @param base the model that the checkpoint was made as, whose head it has (`requireOwnHead`)
 */
export async function withOwnHead(
  checkpoint: Pick<Checkpoint, "folder" | "entries" | "read">,
  base: Model,
  run: Pick<Pretrained, "model" | "weights" | "sources">,
  hold: WeightStorage,
): Promise<ModelOnBody> {
  const { sources } = findSources(checkpoint, base);
  const weights = new Map<string, WeightArray>();
  for (const parameter of ownHeadParameters(base, (name) => run.sources.has(name))) {
    const source = sources.get(parameter.name);
    if (source === undefined) throw new Error(`${parameter.name} was not looked for`);
    const isNarrow = isHeldInBfloat16(parameter, checkpoint.entries.get(source.name), hold);
    const values = new (isNarrow ? Uint16Array : Float32Array)(sizeOf(parameter.shape));
    await checkpoint.read(source.name, values, source.start);
    weights.set(parameter.name, values);
  }
  const model = withAdaptersOf(run.model, base);
  for (const { name } of [...model.parameters, ...model.buffers]) {
    const shared = run.weights.get(name);
    if (!weights.has(name) && shared !== undefined) weights.set(name, shared);
  }
  return { model, weights };
}

/** A model with the adapters that another has on the layers of both. */
export function withAdaptersOf(other: Model, base: Model): Model {
  if (other.adapter === undefined) return base;
  const own = new Set(base.parameters.map(({ name }) => name));
  const targets = other.parameters
    .filter(({ name }) => name.endsWith(loraEnding))
    .map(({ name }) => name.slice(0, -loraEnding.length))
    .filter((layer) => own.has(`${layer}.weight`));
  return targets.length === 0 ? base : withLora(base, { ...other.adapter, targets });
}

const loraEnding = ".lora_A.weight";
