/**
 * Reverse-mode derivative of a function, split in two: a forward function that also hands out the residuals, the
 * intermediate values that its derivative needs, and a backward function from residuals and the gradients of the
 * outputs ("cotangents") to the gradients of the inputs. Since values are immutable graphs, the backward graph simply
 * refers to forward values; what it refers to becomes a residual, unless computing it again is as cheap as reading it.
 */
import { add } from "../graph/elementwise.js";
import {
  input,
  isInput,
  type NamedValue,
  nodesInOrder,
  type TensorFunction,
  tensorFunction,
} from "../graph/function.js";
import { matmul } from "../graph/matmul.js";
import { ShapeError } from "../graph/types.js";
import type { Cotangent, Node, Value } from "../graph/value.js";
import type { Windows } from "../graph/windows.js";

/** The structures of a gradient that a receiver may accept; others are formed whole. */
export type GradientStructure = "product";

export interface DeriveOptions {
  /** The outputs whose gradients are given to the backward function, as inputs `cotangent.<output>`. */
  readonly outputs: readonly string[];
  /** The inputs whose gradients are wanted, and the structures in which they may come. */
  readonly inputs: ReadonlyMap<string, readonly GradientStructure[]>;
}

/** How images are the factors of a product. */
export interface ImageFactors {
  readonly count: number;
  readonly windows: Windows;
}

/** A part of an input's gradient, by the names of the tensors that hold it; the gradient is the sum of its parts. */
export type GradientPart =
  | { readonly kind: "dense"; readonly tensor: string }
  | {
      readonly kind: "product";
      readonly left: string;
      readonly right: string;
      /** Of a convolution's weight: the factors are so many images, and the right one's columns what the windows see. */
      readonly images?: ImageFactors;
    };

/** Names are unique over both functions: a tensor of one name is one buffer wherever it appears. */
export interface Derivative {
  /** The function's own outputs, then the residuals, `residual.<n>`. */
  readonly forward: TensorFunction;
  readonly residuals: readonly NamedValue[];
  /** From inputs, outputs, residuals and cotangents to `gradient.<input>` or the factors of it. */
  readonly backward: TensorFunction;
  readonly gradients: ReadonlyMap<string, readonly GradientPart[]>;
  /** The names of the cotangents by those of their outputs. */
  readonly cotangents: ReadonlyMap<string, string>;
}

/**
 * Derives a function.
 * @throws ShapeError when a name is unknown, or an operation on the way has no derivative.
 */
export function derive(tensors: TensorFunction, options: DeriveOptions): Derivative {
  const cotangents = options.outputs.map((name) => {
    const { value } = named(tensors.name, tensors.outputs, name);
    return { name: `cotangent.${name}`, value: input("float32", value.type.shape), of: value, output: name };
  });
  const wanted = [...options.inputs].map(([name, structures]) => ({
    ...named(tensors.name, tensors.inputs, name),
    structures: new Set(structures),
  }));
  const contributions = accumulate(
    tensors,
    cotangents,
    wanted.map(({ value }) => value),
  );

  const names = new Map<Value, string>();
  for (const { name, value } of [...tensors.inputs, ...tensors.outputs, ...cotangents]) names.set(value, name);
  const computed: NamedValue[] = [];
  const nameOf = (value: Value, fresh: string): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    names.set(value, fresh);
    computed.push({ name: fresh, value });
    return fresh;
  };
  const forwardValues = new Set(nodesInOrder(tensors).flatMap((node) => node.outputs));
  const residuals: NamedValue[] = [];
  /** The values of the forward function that the backward one is given. */
  const kept = new Set([...tensors.inputs, ...tensors.outputs].map(({ value }) => value));
  const keep = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = `residual.${residuals.length}`;
    names.set(value, name);
    residuals.push({ name, value });
    kept.add(value);
    return name;
  };
  const tensorName = (value: Value, fresh: string) =>
    forwardValues.has(value) && value.node.operation.recompute !== "entrywise" ? keep(value) : nameOf(value, fresh);

  const gradients = new Map<string, GradientPart[]>();
  for (const { name, value, structures } of wanted) {
    const parts = combine(contributions.get(value) ?? [], structures);
    gradients.set(
      name,
      parts.map((part, index): GradientPart => {
        const base = `gradient.${name}${parts.length > 1 ? `.${index}` : ""}`;
        if (part.kind === "dense") {
          // Where the gradient is one of the given tensors, it still gets a buffer of its own.
          computed.push({ name: base, value: part.value });
          return { kind: "dense", tensor: base };
        }
        return {
          kind: "product",
          left: tensorName(part.left, `${base}.left`),
          right: tensorName(part.right, `${base}.right`),
          ...(part.windows === undefined
            ? {}
            : { images: { count: part.left.type.shape[0] ?? 0, windows: part.windows } }),
        };
      }),
    );
  }

  const backwardInputs = new Map<Value, string>();
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    const recomputed = forwardValues.has(value) && value.node.operation.recompute !== undefined && !kept.has(value);
    if (forwardValues.has(value) && !recomputed) backwardInputs.set(value, keep(value));
    else if (isInput(value)) backwardInputs.set(value, names.get(value) ?? "");
    else value.node.inputs.forEach(visit);
  };
  for (const { value } of computed) visit(value);

  return {
    forward: tensorFunction(`${tensors.name}.forward`, tensors.inputs, [...tensors.outputs, ...residuals]),
    residuals,
    backward: tensorFunction(
      `${tensors.name}.backward`,
      [...backwardInputs].map(([value, name]) => ({ name, value })),
      computed,
    ),
    gradients,
    cotangents: new Map(cotangents.map(({ name, output }) => [output, name])),
  };
}

function named(functionName: string, values: readonly NamedValue[], name: string): NamedValue {
  const found = values.find((value) => value.name === name);
  if (found === undefined) throw new ShapeError(`${functionName}: there is no value named "${name}" to derive`);
  return found;
}

/** Walks the nodes backwards and gathers, for each wanted value, the contributions to its gradient. */
function accumulate(
  tensors: TensorFunction,
  cotangents: readonly { readonly value: Value; readonly of: Value }[],
  wanted: readonly Value[],
): ReadonlyMap<Value, readonly Cotangent[]> {
  const order = nodesInOrder(tensors);
  const active = new Set<Value>(wanted);
  for (const node of order) {
    if (node.inputs.some((value) => active.has(value))) for (const value of node.outputs) active.add(value);
  }
  const contributions = new Map<Value, Cotangent[]>();
  const contribute = (value: Value, cotangent: Cotangent): void => {
    const known = contributions.get(value);
    if (known === undefined) contributions.set(value, [cotangent]);
    else known.push(cotangent);
  };
  for (const { value, of } of cotangents) contribute(of, { kind: "dense", value });

  for (const node of order.reverse()) {
    if (!node.inputs.some((value) => active.has(value))) continue;
    const gradients = node.outputs.map((value) => total(contributions.get(value) ?? []));
    if (gradients.every((gradient) => gradient === undefined)) continue;
    derivativeOf(node, gradients).forEach((cotangent, index) => {
      const value = node.inputs[index];
      if (cotangent !== undefined && value !== undefined && active.has(value)) contribute(value, cotangent);
    });
  }
  return contributions;
}

function derivativeOf(node: Node, gradients: readonly (Value | undefined)[]): readonly (Cotangent | undefined)[] {
  const { name, derivative } = node.operation;
  if (derivative === undefined) throw new ShapeError(`${name} has no derivative`);
  return derivative(node, gradients);
}

function total(contributions: readonly Cotangent[]): Value | undefined {
  const [part] = combine(contributions, new Set());
  return part?.kind === "dense" ? part.value : undefined;
}

/** Sums into one dense contribution all but the accepted structures, which stay apart. */
function combine(contributions: readonly Cotangent[], accepted: ReadonlySet<GradientStructure>): readonly Cotangent[] {
  const structured: Cotangent[] = [];
  let sum: Value | undefined;
  for (const cotangent of contributions) {
    if (cotangent.kind !== "dense" && accepted.has(cotangent.kind)) {
      structured.push(cotangent);
      continue;
    }
    const whole = wholeGradient(cotangent);
    sum = sum === undefined ? whole : add(sum, whole);
  }
  return sum === undefined ? structured : [{ kind: "dense", value: sum }, ...structured];
}

function wholeGradient(cotangent: Cotangent): Value {
  if (cotangent.kind === "dense") return cotangent.value;
  return cotangent.whole?.() ?? matmul(cotangent.left, cotangent.right, { transposeA: true });
}
