import { closest, distance } from "fastest-levenshtein";
import type { z } from "zod";
import { excerpt, InputError, shown } from "../errors.js";

/** Options that have no default were not given. */
export class MissingOptionsError extends InputError {}

/**
 * Checks options against their schema.
 * @throws MissingOptionsError naming all options that are needed and were not given; else InputError naming the first
 * option that does not fit, what was found and what was expected.
 */
export function parseOptions<T>(schema: z.ZodType<T>, input: unknown): T {
  if (typeof input !== "object" || input === null) {
    throw new InputError(`the options are ${shown(input)}, expected an object`);
  }
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const missing = missingOptions(schema, input as Options, result.error.issues);
  if (missing.size > 0) throw new MissingOptionsError(missingMessage(missing));
  const issue = result.error.issues[0];
  if (issue === undefined) throw new InputError("the options do not fit");
  if (issue.code === "unrecognized_keys") throw new InputError(unknownOption(issue.keys[0] ?? "", schema));
  const option = String(issue.path[0] ?? "");
  throw new InputError(`\`${option}\` ${complaint(issue, (input as Options)[option])}`);
}

function unknownOption(option: string, schema: z.ZodType): string {
  const names = "shape" in schema ? Object.keys(schema.shape as object) : [];
  return `there is no option \`${excerpt(option)}\`${didYouMean(option, names).replace(/(mean )(\w+)/, "$1`$2`")}`;
}

type Options = Readonly<Record<string, unknown>>;

/** What a refinement's message of an option that is needed begins with. */
const isNeeded = "is needed";

/** The options that are needed and were not given, with their messages; those included that only others make necessary. */
function missingOptions(schema: z.ZodType, input: Options, issues: readonly z.core.$ZodIssue[]): Map<string, string> {
  const missing = missingIn(issues, input);
  if (missing.size === 0) return missing;
  // Refinements wait for what the schema itself needs.
  const filled = { ...input, ...Object.fromEntries([...missing.keys()].map((option) => [option, "given"])) };
  return new Map([...missing, ...missingIn(schema.safeParse(filled).error?.issues ?? [], filled)]);
}

function missingIn(issues: readonly z.core.$ZodIssue[], input: Options): Map<string, string> {
  const missing = issues
    .filter(({ path }) => path.length === 1 && input[String(path[0])] === undefined)
    .filter(({ code, message }) => code !== "custom" || message.startsWith(isNeeded))
    .map(({ code, path, message }) => [String(path[0]), code === "custom" ? message : isNeeded] as const);
  return new Map(missing);
}

/** "`model`, `train` and `output` are needed". */
function missingMessage(missing: ReadonlyMap<string, string>): string {
  const quoted = [...missing.keys()].map((option) => `\`${option}\``);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? `${last} ${[...missing.values()][0]}` : `${quoted.join(", ")} and ${last} are needed`;
}

function complaint(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === "custom") return issue.message;
  const suggestion =
    issue.code === "invalid_value" ? didYouMean(typeof found === "string" ? found : "", issue.values.map(String)) : "";
  return `is ${shown(found)}, expected ${expectation(issue)}${suggestion}`;
}

/** No name is longer; the time to compare grows with both lengths. */
const longestName = 100;

/** "; did you mean adamw?" where one of the names is but a slip away from what was found, else nothing. */
export function didYouMean(found: string, names: readonly string[]): string {
  if (names.length === 0 || found.length > longestName) return "";
  const nearest = closest(found.toLowerCase(), [...names]);
  const isNear = distance(found.toLowerCase(), nearest) <= Math.max(1, Math.floor(nearest.length / 3));
  return isNear ? `; did you mean ${nearest}?` : "";
}

/** What types are called that have other names in code. */
const typeNames: Readonly<Record<string, string>> = { int: "a whole number", array: "a list", object: "an object" };

/** What was expected instead, in words. */
export function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small") {
    return `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${unitOf(issue)}`;
  }
  if (issue.code === "too_big") {
    return `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${unitOf(issue)}`;
  }
  if (issue.code === "invalid_value") return `one of ${issue.values.join(", ")}`;
  if (issue.code === "invalid_type") return typeNames[issue.expected] ?? `a ${issue.expected}`;
  return issue.message;
}

/** What the size of a text or of a list is counted in. */
function unitOf({ origin }: { readonly origin: string }): string {
  return origin === "string" ? " character" : origin === "array" ? " entries" : "";
}
