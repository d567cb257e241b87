import { formatType, ShapeError, type TensorType, tensorType } from "./types.js";
import { applySingle, type Node, type Operation, type Value } from "./value.js";

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
}

/**
 * A pure function of tensors: everything that its outputs need is computed from its inputs. Any value can be an
 * input, not only those made by `input`: evaluation stops there, which is how a backward function takes its residuals.
 */
export interface TensorFunction {
  readonly name: string;
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
}

const inputOperation: Operation = {
  name: "input",
  lower() {
    throw new Error("an input has no computation");
  },
};

/** A value that is given from outside. */
export function input(dataType: TensorType["dataType"], shape: readonly number[]): Value {
  return applySingle(inputOperation, [], tensorType(dataType, shape));
}

export function isInput(value: Value): boolean {
  return value.node.operation === inputOperation;
}

/**
 * Names a function's inputs and outputs and checks that nothing else is needed.
 * @throws ShapeError when a name occurs twice or an output needs a value that is not given.
 */
export function tensorFunction(
  name: string,
  inputs: readonly NamedValue[],
  outputs: readonly NamedValue[],
): TensorFunction {
  const names = new Set<string>();
  for (const { name: valueName } of [...inputs, ...outputs]) {
    if (names.has(valueName)) throw new ShapeError(`${name}: two values are named "${valueName}"`);
    names.add(valueName);
  }
  const tensors = { name, inputs, outputs };
  nodesInOrder(tensors);
  return tensors;
}

/** The nodes that a function evaluates, each after those that it needs. */
export function nodesInOrder(tensors: TensorFunction): Node[] {
  const given = new Set(tensors.inputs.map(({ value }) => value));
  const seen = new Set<Node>();
  const order: Node[] = [];
  const visit = (value: Value): void => {
    if (given.has(value) || seen.has(value.node)) return;
    if (isInput(value)) {
      throw new ShapeError(`${tensors.name}: an input of type ${formatType(value.type)} is used but not given`);
    }
    seen.add(value.node);
    value.node.inputs.forEach(visit);
    order.push(value.node);
  };
  for (const { value } of tensors.outputs) visit(value);
  return order;
}

/** All values that some values are computed from, themselves included. */
export function valuesBehind(outputs: readonly Value[]): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    value.node.inputs.forEach(visit);
  };
  outputs.forEach(visit);
  return seen;
}
