/** What parameters are: names, shapes, roles and initial values. Layers give theirs by local name, as a stage has them. */

/** What a parameter is, as far as the choice of its update goes (docs/method.md, section 2). */
export type ParameterRole = "weight" | "bias" | "embedding" | "normalisation" | "head" | "adapter";

export type Initialisation =
  | { readonly kind: "normal"; readonly standardDeviation: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number }
  /** The lengths of the rows of another parameter. */
  | { readonly kind: "row-norms"; readonly of: string };

/** One tensor of a model under its Hugging Face name. */
export interface ParameterSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  readonly initialisation: Initialisation;
}

/** Parameters by their local names in a stage. */
export type LocalParameters = Readonly<Record<string, ParameterSpecification>>;

export interface LinearOptions {
  /** Standard deviation of the initial weights. */
  readonly deviation: number;
  /** False for a layer without bias. */
  readonly bias?: boolean;
  /** Whether the layer belongs to the task's head. */
  readonly isHead?: boolean;
}

/** A linear layer's weight [outputs, inputs] and bias [outputs]. */
export function linearParameters(
  local: string,
  name: string,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
  { deviation, bias = true, isHead = false }: LinearOptions,
): LocalParameters {
  const weight: ParameterSpecification = {
    name: `${name}.weight`,
    shape: [outputs, inputs],
    role: isHead ? "head" : "weight",
    initialisation: { kind: "normal", standardDeviation: deviation },
  };
  if (!bias) return { [`${local}.weight`]: weight };
  return {
    [`${local}.weight`]: weight,
    [`${local}.bias`]: constantParameter(`${name}.bias`, [outputs], isHead ? "head" : "bias", 0),
  };
}

/** A normalisation layer's weight and, unless it has none, bias, each of the given size. */
export function normalisationParameters(
  local: string,
  name: string,
  size: number,
  { bias = true }: { readonly bias?: boolean } = {},
): LocalParameters {
  return {
    [`${local}.weight`]: constantParameter(`${name}.weight`, [size], "normalisation", 1),
    ...(bias ? { [`${local}.bias`]: constantParameter(`${name}.bias`, [size], "normalisation", 0) } : {}),
  };
}

/** An embedding table [rows, columns]. */
export function embeddingParameters(
  local: string,
  name: string,
  [rows, columns]: readonly [rows: number, columns: number],
  deviation: number,
): LocalParameters {
  return {
    [`${local}.weight`]: {
      name: `${name}.weight`,
      shape: [rows, columns],
      role: "embedding",
      initialisation: { kind: "normal", standardDeviation: deviation },
    },
  };
}

/** A parameter that starts with one value everywhere. */
export function constantParameter(
  name: string,
  shape: readonly number[],
  role: ParameterRole,
  value: number,
): ParameterSpecification {
  return { name, shape, role, initialisation: { kind: "constant", value } };
}
