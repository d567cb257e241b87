import { InputError } from "../errors.js";
import type { HeadSpecification } from "./model.js";

/**
 * The outputs of a head for images, which have numbers for the whole of each.
 * @throws InputError for a head of another kind
 */
export function requireExampleOutputs(name: string, specification: HeadSpecification): number {
  if (specification.kind === "outputs" && specification.per === "example") return specification.outputs;
  throw new InputError(`config.json: a ${name} judges whole images, which is the \`task\` image-classification`);
}
