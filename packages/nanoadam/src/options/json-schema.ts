/** The options of a run as a JSON Schema, by which editors complete and check the files of `--config`. */
import { z } from "zod";
import { finetuneSchema } from "./finetune-options.js";

/** Beside the presets, in the package and in the repository; `npm run schema` writes it. */
export const schemaFile = "finetune.schema.json";

/** A description of every option that a file may give, by its name in the API; nothing is needed, as flags may give it. */
export function jsonSchemaOfOptions(): Record<string, unknown> {
  const { $schema, properties = {} } = z.toJSONSchema(z.object(finetuneSchema.shape), {
    io: "input",
    // Rows are of programs; files have names of files.
    unrepresentable: "any",
  });
  const described = Object.entries(properties).map(([option, property]) => [option, inFiles(property)]);
  return {
    $schema,
    title: "Options of nanoadam finetune",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(described),
  };
}

/** An option without what only the command line has, and without the forms that a file cannot have. */
function inFiles(property: unknown): Record<string, unknown> {
  const { hint: _, anyOf, ...rest } = property as Readonly<Record<string, unknown>> & { readonly anyOf?: unknown[] };
  const forms = anyOf
    ?.map((form) => Object.fromEntries(Object.entries(form as object).filter(([key]) => key !== "readOnly")))
    .filter((form) => Object.keys(form).length > 0);
  if (forms === undefined) return rest;
  return forms.length === 1 ? { ...forms[0], ...rest } : { ...rest, anyOf: forms };
}
