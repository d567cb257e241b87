/**
 * A function cut into parts that run one after another, so that of its large inputs some are in memory at a time, and not all. The cuts
 * are where the computation comes from one group of these inputs to another.
 */
import { type NamedValue, nodesInOrder, type TensorFunction, tensorFunction, type Value } from "@nanoadam/engine";

export interface FunctionPart {
  readonly tensors: TensorFunction;
  /** The number of the group of which it uses inputs; 0 where it uses none. */
  readonly group: number;
}

export interface CutFunction {
  /** In the order in which they run. */
  readonly parts: readonly FunctionPart[];
  /** What parts hand on to later ones, beside the function's own outputs. */
  readonly between: readonly NamedValue[];
}

/** Large inputs that are in memory together, by their names. */
export type InputGroups = readonly (readonly string[])[];

/**
 * Groups the large inputs of a function, those that it uses one after another together, so that a group has not more than `most` entries,
 * or is a single input.
 * @param entries of the large inputs, by their names
 */
export function groupInputs(tensors: TensorFunction, entries: ReadonlyMap<string, number>, most: number): InputGroups {
  const names = new Map(tensors.inputs.map(({ name, value }) => [value, name]));
  const groups: string[][] = [];
  const seen = new Set<string>();
  let room = 0;
  for (const { inputs } of nodesInOrder(tensors)) {
    for (const name of inputs.map((value) => names.get(value) ?? "")) {
      const size = entries.get(name);
      if (size === undefined || seen.has(name)) continue;
      seen.add(name);
      const group = groups.at(-1);
      if (group !== undefined && size <= room) group.push(name);
      else groups.push([name]);
      room = (group !== undefined && size <= room ? room : most) - size;
    }
  }
  return groups;
}

/** Whether each operation of a function uses inputs of one group at most. */
export function mayBeCut(tensors: TensorFunction, groups: InputGroups): boolean {
  const groupOf = groupsByValue(tensors, groups);
  return nodesInOrder(tensors).every(({ inputs }) => {
    const used = new Set(inputs.map((value) => groupOf.get(value)));
    used.delete(undefined);
    return used.size <= 1;
  });
}

/**
 * Cuts a function; its parts have its inputs and outputs under their names.
 * @param groups of large inputs, for which it may be cut
 * @param prefix of the names of what is handed on between
 */
export function cutFunction(tensors: TensorFunction, groups: InputGroups, prefix: string): CutFunction {
  const groupOf = groupsByValue(tensors, groups);
  const given = new Map(tensors.inputs.map(({ name, value }) => [value, name]));
  const { partOf, groupsOfParts } = partsByNode(tensors, groupOf);
  const partOfValue = (value: Value) => partOf.get(value.node) ?? 0;
  /** Made of nothing, or of small inputs alone, by moving entries: each part that uses it makes it again. */
  const isMadeAgain = ({ node }: Value): boolean =>
    node.operation.recompute === "view" &&
    node.inputs.every((value) => (given.has(value) ? !groupOf.has(value) : isMadeAgain(value)));

  const names = new Map<Value, string>(given);
  for (const { name, value } of tensors.outputs) if (!names.has(value)) names.set(value, name);
  const between: NamedValue[] = [];
  const outputs = groupsOfParts.map((): NamedValue[] => []);
  for (const output of tensors.outputs) outputs[partOfValue(output.value)]?.push(output);
  const parts: FunctionPart[] = [];
  // What a part has to hand on is known from those after it.
  for (let part = groupsOfParts.length - 1; part >= 0; part--) {
    const inputs = new Map<Value, string>();
    const seen = new Set<Value>();
    const take = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      if (given.has(value)) inputs.set(value, given.get(value) as string);
      else if (partOfValue(value) < part && !isMadeAgain(value)) inputs.set(value, handedOn(value));
      else value.node.inputs.forEach(take);
    };
    const handedOn = (value: Value): string => {
      const known = names.get(value);
      if (known !== undefined) return known;
      const name = `${prefix}.${between.length}`;
      names.set(value, name);
      between.push({ name, value });
      outputs[partOfValue(value)]?.push({ name, value });
      return name;
    };
    const own = outputs[part] ?? [];
    for (const { value } of own) take(value);
    if (own.length === 0) continue;
    const named = [...inputs].map(([value, name]) => ({ name, value }));
    parts.unshift({ tensors: tensorFunction(`${tensors.name}.${part}`, named, own), group: groupsOfParts[part] ?? 0 });
  }
  return { parts, between };
}

function groupsByValue({ inputs }: TensorFunction, groups: InputGroups): ReadonlyMap<Value, number> {
  const groupOf = new Map(groups.flatMap((names, group) => names.map((name) => [name, group] as const)));
  return new Map(
    inputs.flatMap(({ name, value }) => {
      const group = groupOf.get(name);
      return group === undefined ? [] : [[value, group] as const];
    }),
  );
}

/** A part ends where the next node uses inputs of another group. */
function partsByNode(tensors: TensorFunction, groupOf: ReadonlyMap<Value, number>) {
  const partOf = new Map<Value["node"], number>();
  const groupsOfParts: (number | undefined)[] = [undefined];
  for (const node of nodesInOrder(tensors)) {
    const group = node.inputs.map((value) => groupOf.get(value)).find((each) => each !== undefined);
    const current = groupsOfParts.length - 1;
    if (group !== undefined) {
      if (groupsOfParts[current] === undefined) groupsOfParts[current] = group;
      else if (groupsOfParts[current] !== group) groupsOfParts.push(group);
    }
    partOf.set(node, groupsOfParts.length - 1);
  }
  return { partOf, groupsOfParts };
}
