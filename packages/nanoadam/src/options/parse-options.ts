import type { z } from "zod";
import { InputError } from "../errors.js";

/** `maskInterval` as a flag: `--mask-interval`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Checks options against their schema.
 * @param nameOf what errors call an option
 * @throws InputError naming the first option that does not fit, what was found and what was expected.
 */
export function parseOptions<T>(schema: z.ZodType<T>, input: unknown, nameOf = flagOf): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new InputError("the options do not fit");
  if (issue.code === "unrecognized_keys") throw new InputError(`there is no option ${nameOf(issue.keys[0] ?? "")}`);
  const option = String(issue.path[0] ?? "");
  const found = (input as Record<string, unknown>)[option];
  if (found === undefined)
    throw new InputError(`${nameOf(option)} ${issue.code === "custom" ? issue.message : "is needed"}`);
  if (issue.code === "custom") throw new InputError(`${nameOf(option)} ${issue.message}`);
  throw new InputError(`${nameOf(option)} is ${JSON.stringify(found)}, expected ${expectation(issue)}`);
}

/** What was expected instead, in words. */
export function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small") {
    return `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue)}`;
  }
  if (issue.code === "too_big") {
    return `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue)}`;
  }
  if (issue.code === "invalid_value") return `one of ${issue.values.join(", ")}`;
  if (issue.code === "invalid_type") return issue.expected === "int" ? "a whole number" : `a ${issue.expected}`;
  return issue.message;
}

/** What the size of a text or of a list is counted in. */
function unitOf({ origin }: { readonly origin: string }): string {
  return origin === "string" ? " character" : origin === "array" ? " entries" : "";
}
