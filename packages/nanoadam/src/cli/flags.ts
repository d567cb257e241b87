import { type Command, Option } from "commander";
import type { z } from "zod";
import { flagOf } from "../options/parse-options.js";

interface FlagDescription {
  readonly description?: string;
  readonly hint?: string;
}

/** Adds a flag to a command for every option of a schema; values stay as typed, for the schema to check. */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  for (const [name, field] of Object.entries(schema.shape)) {
    const { description = "", hint } = ((field as z.ZodType).meta() ?? {}) as FlagDescription;
    const { type, choices, fallback } = inspect(field as z.ZodType);
    const value = type === "boolean" ? "" : ` <${hint ?? choices?.join("|") ?? "value"}>`;
    const told = fallback === undefined || fallback === false ? description : `${description} (default: ${fallback})`;
    command.addOption(new Option(`${flagOf(name)}${value}`, told));
  }
  return command;
}

interface FieldFacts {
  readonly type: string;
  readonly choices: readonly string[] | undefined;
  readonly fallback: unknown;
}

/** What a field is under its `optional` and `default`. */
function inspect(field: z.ZodType): FieldFacts {
  let inner = field;
  let fallback: unknown;
  for (;;) {
    const definition = inner.def as { type: string; innerType?: z.ZodType; defaultValue?: unknown; entries?: object };
    if (definition.type === "default") fallback = definition.defaultValue;
    else if (definition.type !== "optional") {
      const choices = definition.entries === undefined ? undefined : Object.keys(definition.entries);
      return { type: definition.type, choices, fallback };
    }
    if (definition.innerType === undefined) throw new Error(`a ${definition.type} field has no inner type`);
    inner = definition.innerType;
  }
}
