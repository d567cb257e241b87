import { InputError } from "../errors.js";

/** Whether a value of parsed JSON is an object: not null, not a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What writes, copies or compares a value calls itself at each level, and the stack ends some thousands down. */
const deepest = 100;

/** @throws InputError where a value of parsed JSON is nested too deep for what is done with it */
export function requireShallow(value: unknown, path: string): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) throw new InputError(`${path} is nested more than ${deepest} levels deep.`);
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== "object" || each === null) continue;
      for (const inner of Object.values(each)) if (typeof inner === "object" && inner !== null) next.push(inner);
    }
    level = next;
  }
}
