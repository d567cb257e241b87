/** Which template a model's files have for conversations. */
import { InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { type ChatTemplate, createChatTemplate } from "./chat-template.js";
import { specialTokenNames, tokenContent } from "./special-tokens.js";

type Json = Readonly<Record<string, unknown>>;

export interface ChatTemplateFiles {
  /** What messages call tokenizer_config.json. */
  readonly configFile: string;
  readonly config: Json;
  /** Special tokens by their names, as text or as objects with `content`. */
  readonly specialTokens: Json;
  /** chat_template.jinja and what messages call it, where there is one. */
  readonly templateFile?: { readonly file: string; readonly source: string } | undefined;
}

/**
 * The template of chat_template.jinja, else of `chat_template` in tokenizer_config.json: one, or the one of a list that is
 * called "default".
 * @throws InputError where there is none
 */
export function chatTemplateOf({ configFile, config, specialTokens, templateFile }: ChatTemplateFiles): ChatTemplate {
  const found = templateFile ?? {
    file: `${configFile}: chat_template`,
    source: templateField(config.chat_template, configFile),
  };
  const contents = specialTokenNames.flatMap((name) => {
    const content = tokenContent(specialTokens[name]);
    return content === undefined ? [] : [[name, content] as const];
  });
  return createChatTemplate({ ...found, specialTokens: Object.fromEntries(contents) });
}

function templateField(field: unknown, file: string): string {
  if (typeof field === "string") return field;
  if (field === undefined || field === null) {
    throw new InputError(
      `${file} has no chat_template, and there is no chat_template.jinja beside it: this model knows no conversations`,
    );
  }
  const named = (Array.isArray(field) ? field : []).filter(isObject);
  const usual = named.find(({ name }) => name === "default")?.template;
  if (typeof usual === "string") return usual;
  const names = named.map(({ name }) => JSON.stringify(name)).join(", ");
  throw new InputError(
    `${file}: chat_template has ${names === "" ? "no template" : `the templates ${names}`}, expected one called "default"`,
  );
}
