import { InputError, shown } from "../../errors.js";
import { isObject } from "../../files/json-value.js";

/** One place of a template: special tokens, or where the first (A) or second (B) text goes; with its token type. */
export type TemplatePart =
  | { readonly kind: "special"; readonly ids: readonly number[]; readonly typeId: number }
  | { readonly kind: "text"; readonly text: "A" | "B"; readonly typeId: number };

/** How special tokens surround one text, and a pair of texts. */
export interface TokenizerTemplate {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
}

const textA: TemplatePart = { kind: "text", text: "A", typeId: 0 };
const textB = (typeId: number): TemplatePart => ({ kind: "text", text: "B", typeId });
const plain: TokenizerTemplate = { single: [textA], pair: [textA, textB(0)] };

/**
 * Reads `post_processor` of tokenizer.json: TemplateProcessing, BertProcessing, RobertaProcessing (all token types 0),
 * ByteLevel (changes no ids) or a Sequence of these, of which one may add tokens. `file` is used in messages.
 */
export function readTemplate(processor: unknown, file: string): TokenizerTemplate {
  if (processor === null || processor === undefined) return plain;
  if (!isObject(processor)) throw new InputError(`${file}: post_processor is no object.`);
  switch (processor.type) {
    case "ByteLevel":
      return plain;
    case "TemplateProcessing":
      return {
        single: readParts(processor.single, processor.special_tokens, file),
        pair: readParts(processor.pair, processor.special_tokens, file),
      };
    case "BertProcessing":
    case "RobertaProcessing": {
      const isBert = processor.type === "BertProcessing";
      const first = special(namedId(processor.cls, "cls", file), 0);
      const separator = special(namedId(processor.sep, "sep", file), 0);
      const single = [first, textA, separator];
      const pairEnd = isBert ? [textB(1), special(separator.ids, 1)] : [special(separator.ids, 0), textB(0), separator];
      return { single, pair: [...single, ...pairEnd] };
    }
    case "Sequence": {
      const members: unknown[] = Array.isArray(processor.processors) ? processor.processors : [];
      const templates = members.map((member) => readTemplate(member, file)).filter((template) => template !== plain);
      if (templates.length > 1) {
        throw new InputError(
          `${file}: post_processor adds special tokens in ${templates.length} steps, at most one is read.`,
        );
      }
      return templates[0] ?? plain;
    }
    default:
      throw new InputError(
        `${file}: post_processor has type ${shown(processor.type)}, expected TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence.`,
      );
  }
}

/** How many special tokens a template adds. */
export function addedTokens(parts: readonly TemplatePart[]): number {
  return parts.reduce((count, part) => count + (part.kind === "special" ? part.ids.length : 0), 0);
}

function special(ids: readonly number[], typeId: number): Extract<TemplatePart, { kind: "special" }> {
  return { kind: "special", ids, typeId };
}

function readParts(parts: unknown, specialTokens: unknown, file: string): TemplatePart[] {
  if (!Array.isArray(parts)) throw new InputError(`${file}: post_processor has no list "single" or "pair".`);
  return parts.map((part: unknown) => {
    const sequence = isObject(part) ? part.Sequence : undefined;
    if (isObject(sequence) && (sequence.id === "A" || sequence.id === "B")) {
      return { kind: "text", text: sequence.id, typeId: Number(sequence.type_id ?? 0) };
    }
    const token = isObject(part) ? part.SpecialToken : undefined;
    const name = isObject(token) && typeof token.id === "string" ? token.id : undefined;
    const entry = name !== undefined && isObject(specialTokens) ? specialTokens[name] : undefined;
    if (isObject(token) && isObject(entry) && isIds(entry.ids)) return special(entry.ids, Number(token.type_id ?? 0));
    throw new InputError(`${file}: post_processor has the part ${shown(part)}, whose ids are not given.`);
  });
}

/** The id in a pair such as ["[SEP]", 3]. */
function namedId(value: unknown, field: string, file: string): number[] {
  const id: unknown = Array.isArray(value) ? value[1] : undefined;
  if (typeof id === "number" && Number.isInteger(id)) return [id];
  throw new InputError(`${file}: post_processor.${field} is ${shown(value)}, expected a token and its id.`);
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isInteger(id));
}
