import type { z } from "zod";
import { InputError } from "../errors.js";

/**
 * Checks options against their schema.
 * @throws InputError naming the first option that does not fit, what was found and what was expected.
 */
export function parseOptions<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new InputError("the options do not fit");
  if (issue.code === "unrecognized_keys") throw new InputError(`there is no option \`${issue.keys[0]}\``);
  const option = String(issue.path[0] ?? "");
  const found = (input as Record<string, unknown>)[option];
  throw new InputError(`\`${option}\` ${complaint(issue, found)}`);
}

function complaint(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === "custom") return issue.message;
  if (found === undefined) return "is needed";
  return `is ${JSON.stringify(found)}, expected ${expectation(issue)}`;
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
