import { compareSchema } from "../compare/options.js";
import { continualFlagsSchema } from "../continual/options.js";
import { estimateSchema } from "../options/estimate-options.js";
import { finetuneSchema } from "../options/finetune-options.js";
import { chatSchema, generateSchema } from "../options/generation-options.js";
import { flagOf } from "../options/option-types.js";
import { evaluateAnswersSchema, evaluateSchema, exportSchema, predictSchema } from "../options/saved-model-options.js";
import { resumeSchema } from "../options/saving-options.js";

const options = new Set(
  [
    finetuneSchema,
    resumeSchema,
    estimateSchema,
    evaluateSchema,
    evaluateAnswersSchema,
    predictSchema,
    exportSchema,
    compareSchema,
    continualFlagsSchema,
    generateSchema,
    chatSchema,
  ].flatMap(({ shape }) => Object.keys(shape)),
);

/** A text of the library as the command line says it: the options, which it has in backticks by their names, as flags. */
export function withFlags(text: string): string {
  return text.replace(/`(\w+)`/g, (quoted, name: string) => (options.has(name) ? flagOf(name) : quoted));
}
