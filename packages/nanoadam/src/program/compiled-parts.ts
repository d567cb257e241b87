import type { CompiledFunction, NamedValue, Runtime, TensorFunction } from "@nanoadam/engine";
import { cutFunction, type InputGroups } from "./cut-function.js";

/** A function compiled in one part, or in several that run one after another. */
export interface CompiledParts {
  readonly parts: readonly CompiledPart[];
  /** Of the whole function. */
  readonly outputs: readonly NamedValue[];
  /** What parts hand on to later ones. */
  readonly between: readonly NamedValue[];
}

export interface CompiledPart {
  readonly compiled: CompiledFunction;
  /** The number of the group of large inputs that it uses. */
  readonly group: number;
}

/**
 * Compiles a function in a part for each stretch of it that uses large inputs of one group. Where one fails, the others are released.
 * @param prefix of the names of what parts hand on
 */
export async function compileParts(
  runtime: Runtime,
  tensors: TensorFunction,
  groups: InputGroups,
  prefix: string,
): Promise<CompiledParts> {
  const { outputs } = tensors;
  if (groups.length < 2) {
    return { parts: [{ compiled: await runtime.compile(tensors), group: 0 }], outputs, between: [] };
  }
  const { parts, between } = cutFunction(tensors, groups, prefix);
  const compiled: CompiledPart[] = [];
  try {
    for (const part of parts) compiled.push({ compiled: await runtime.compile(part.tensors), group: part.group });
  } catch (error) {
    await releaseParts({ parts: compiled });
    throw error;
  }
  return { parts: compiled, outputs, between };
}

/** Frees what the engine holds. */
export async function releaseParts({ parts }: Pick<CompiledParts, "parts">): Promise<void> {
  for (const { compiled } of parts) await compiled.release();
}
