import { type Command, Option } from "commander";
import type { z } from "zod";
import { flagOf } from "../options/option-types.js";
import { flagGroups, groupOf, inHelpOrder, shortFlags } from "./flag-groups.js";
import { withFlags } from "./flag-names.js";

interface FlagDescription {
  readonly description?: string;
  readonly hint?: string;
  readonly isRepeated?: boolean;
}

/** Flags from the command line: texts, and true for those that take no value. Those that may be repeated are lists of texts. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** Adds a flag to a command for every option of a schema. */
export function addFlags(command: Command, schema: z.ZodObject): Command {
  for (const [name, field] of inHelpOrder(Object.entries(schema.shape))) {
    const { description = "", hint, isRepeated = false } = ((field as z.ZodType).meta() ?? {}) as FlagDescription;
    const { type, choices, fallback, forms } = inspect(field as z.ZodType);
    const isSwitch = forms.some((form) => inspect(form).type === "boolean");
    const what = hint ?? choices?.join("|") ?? "value";
    const value = type === "boolean" ? "" : isSwitch ? ` [${what}]` : ` <${what}>`;
    const told = fallback === undefined || fallback === false ? description : `${description} (default: ${fallback})`;
    const short = shortFlags[name];
    const spelled = `${short === undefined ? "" : `${short}, `}${flagOf(name)}${value}`;
    const option = new Option(spelled, withFlags(told)).helpGroup(groupOf(name));
    command.addOption(isRepeated ? option.argParser(collected) : option);
  }
  // What is added later is of the first group, too.
  command.optionsGroup(flagGroups[0]);
  return command.addHelpOption(new Option("-h, --help", "show this help").helpGroup(flagGroups[0]));
}

/** The values of a flag that is given several times. */
function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/**
 * The options that flags give: numbers where the schema has numbers. A text that is not a number is kept, for the
 * schema to refuse, and so are options that the schema lacks.
 */
export function optionsOfFlags<Input>(schema: z.ZodObject & z.ZodType<unknown, Input>, flags: Flags): Input {
  const isNumber = (name: string) => Object.hasOwn(schema.shape, name) && takesNumber(schema.shape[name]);
  const options = Object.entries(flags).map(
    ([name, value]) => [name, isNumber(name) ? asNumber(value) : value] as const,
  );
  return Object.fromEntries(options) as Input;
}

/** The finite number that a text spells, or the text itself. */
function asNumber(value: string | boolean | undefined): unknown {
  if (typeof value !== "string" || value.trim() === "") return value;
  return Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Whether a field may be a number: it is one, or one of several forms is. */
function takesNumber(field: z.ZodType): boolean {
  const { type, forms } = inspect(field);
  return type === "number" || forms.some(takesNumber);
}

interface FieldFacts {
  /** The forms of a field that may have several. */
  readonly forms: readonly z.ZodType[];
  readonly type: string;
  readonly choices: readonly string[] | undefined;
  readonly fallback: unknown;
}

/** A field's type, choices and default, beneath its `optional` and `default`. */
function inspect(field: z.ZodType): FieldFacts {
  let inner = field;
  let fallback: unknown;
  for (;;) {
    const definition = inner.def as {
      type: string;
      innerType?: z.ZodType;
      defaultValue?: unknown;
      entries?: object;
      options?: readonly z.ZodType[];
    };
    if (definition.type === "default") fallback = definition.defaultValue;
    else if (definition.type !== "optional") {
      const choices = definition.entries === undefined ? undefined : Object.keys(definition.entries);
      return { type: definition.type, choices, fallback, forms: definition.options ?? [] };
    }
    if (definition.innerType === undefined) throw new Error(`a ${definition.type} field has no inner type`);
    inner = definition.innerType;
  }
}
