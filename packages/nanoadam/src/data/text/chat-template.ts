/** Conversations as the text that a model was trained on: the checkpoint's Jinja template, as transformers runs it. */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { excerpt, InputError } from "../../errors.js";
import { type TemplateTag, templateTags } from "./template-tags.js";
import { formatTime } from "./time-format.js";

/** A turn of a conversation, as templates know it; further fields (`tool_calls`, `name`) reach the template as they are. */
export interface ChatMessage {
  /** "system", "user" or "assistant", or another that the template knows. */
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export interface ChatOptions {
  /** Whether the text ends with what comes before an answer of the assistant. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of functions, as JSON schemas, which some templates list. */
  readonly tools?: readonly unknown[] | undefined;
}

/** A conversation's text, and which parts of it the template marks as the assistant's, in UTF-16 units from and to. */
export interface MarkedChat {
  readonly text: string;
  readonly assistant: readonly (readonly [number, number])[];
}

export interface ChatTemplate {
  /** Whether the template says itself what the assistant writes: `{% generation %}` to `{% endgeneration %}`. */
  readonly marksAssistant: boolean;
  /**
   * The text of a conversation, special tokens included: tokens are made of it without further ones.
   * @throws InputError, with the line of the template, where it fails or refuses the conversation
   */
  render(messages: readonly ChatMessage[], options?: ChatOptions): string;
  /** The text with what the template marks; see `render`. */
  renderMarked(messages: readonly ChatMessage[], options?: ChatOptions): MarkedChat;
}

export interface ChatTemplateFile {
  readonly source: string;
  /** What messages call the template: a file, or a field of one. */
  readonly file: string;
  /** Special tokens by transformers' names (`bos_token`, `eos_token`), which templates use. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** The time that `strftime_now` writes; that of the call where absent. */
  readonly now?: () => Date;
}

/** Noncharacters of Unicode, which are for a program's own use, around what the assistant writes. */
const marks = { generation: "\uFDD0", endgeneration: "\uFDD1" } as const;
const generationTag = /\{%(-?)\s*(generation|endgeneration)\s*(-?)%\}/g;
const lineFunction = "nanoadam_line";

/** A conversation's template. A fault in it is told when it is used. */
export function createChatTemplate(template: ChatTemplateFile): ChatTemplate {
  const marksAssistant = template.source.search(generationTag) >= 0;
  const marked = withMarks(template.source, (name) => marks[name]);
  // The library takes the tags away without their blanks; as blocks that write nothing they have them.
  const plain = withMarks(template.source, () => "");
  const renderSource = sourceRenderer(template);
  return {
    marksAssistant,
    render: (messages, options) => renderSource(plain, messages, options),
    renderMarked: (messages, options) => splitMarked(renderSource(marked, messages, options), template.file),
  };
}

function withMarks(source: string, markOf: (name: keyof typeof marks) => string): string {
  return source.replace(
    generationTag,
    (_, before: string, name: keyof typeof marks, after: string) =>
      `{%${before} if true %}{{ "${markOf(name)}" }}{% endif ${after}%}`,
  );
}

type Program = ReturnType<typeof parse>;
type Token = ReturnType<typeof tokenize>[number];

/** Parses each source once and runs it; a second run with the lines written in tells where it failed. */
function sourceRenderer({ file, specialTokens, now = () => new Date() }: ChatTemplateFile) {
  const programs = new Map<string, Program>();
  const failure = (line: number, error: unknown) => new InputError(`${file}, line ${line}: ${reasonOf(error)}`);

  function programOf(source: string): Program {
    const known = programs.get(source);
    if (known !== undefined) return known;
    try {
      const program = parse(tokensOf(source));
      programs.set(source, program);
      return program;
    } catch (error) {
      throw failure(lineOfSyntaxError(source), error);
    }
  }

  return (source: string, messages: readonly ChatMessage[], options: ChatOptions = {}): string => {
    const variables = {
      ...specialTokens,
      messages,
      tools: options.tools ?? null,
      documents: null,
      add_generation_prompt: options.addGenerationPrompt ?? false,
      strftime_now: (format: unknown) => formatTime(now(), String(format)),
    };
    const program = programOf(source);
    try {
      return run(program, variables);
    } catch (error) {
      throw failure(lineOfFailure(source, variables), error);
    }
  };
}

/** Tokens with the white space of transformers: none before a block on its line, and no line break after it. */
function tokensOf(source: string): Token[] {
  return tokenize(source, { lstrip_blocks: true, trim_blocks: true });
}

function run(program: Program, variables: Readonly<Record<string, unknown>>): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
  return String(new Interpreter(environment).run(program).value);
}

/** Jinja's own bound in a sandbox. */
const largestRange = 100_000;

/** What every template may use. */
const globals: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception(message: unknown) {
    throw new Error(String(message));
  },
  range(first: number, end?: number, step = 1) {
    const [from, to] = end === undefined ? [0, first] : [first, end];
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (!(length <= largestRange)) throw new Error(`a range has ${length} numbers, at most ${largestRange} are known`);
    return Array.from({ length }, (_, index) => from + index * step);
  },
};

/** The line of the first tag that cannot be read, or where what is read makes no sense. */
function lineOfSyntaxError(source: string): number {
  const tags = templateTags(source);
  let tokens: Token[];
  try {
    tokens = tokensOf(source);
  } catch {
    const unreadable = tags.find(({ end }) => isUnreadable(source.slice(0, end)));
    const last = tags.at(-1);
    return unreadable?.line ?? lineAt(source, source.indexOf("{", last?.end ?? 0));
  }
  let furthest = 0;
  const watched = new Proxy(tokens, {
    get(list, place, receiver) {
      if (typeof place === "string" && /^\d+$/.test(place)) furthest = Math.max(furthest, Number(place));
      return Reflect.get(list, place, receiver);
    },
  });
  try {
    parse(watched);
  } catch {
    // What the parser looked at last is what it could not take.
  }
  const opened = tokens.slice(0, furthest + 1).filter(isOpening).length;
  return runningTags(tags)[opened - 1]?.line ?? 1;
}

function isUnreadable(source: string): boolean {
  try {
    tokensOf(source);
    return false;
  } catch {
    return true;
  }
}

/** The line of the tag that a template fails at: before each one stands a call that says its line. */
function lineOfFailure(source: string, variables: Readonly<Record<string, unknown>>): number {
  const lines = runningTags(templateTags(source)).map(({ line }) => line);
  let [opened, current] = [0, 1];
  const tokens = tokensOf(source).flatMap((token): Token[] => {
    if (!isOpening(token)) return [token];
    const line = lines[opened++] ?? 1;
    return [...callTokens(lineFunction, line), token];
  });
  try {
    run(parse(tokens), {
      ...variables,
      [lineFunction](line: number) {
        current = line;
        return "";
      },
    });
  } catch {
    // It fails as it did before, and `current` is where.
  }
  return current;
}

function callTokens(name: string, argument: number): Token[] {
  return [
    { type: "OpenExpression", value: "{{" },
    { type: "Identifier", value: name },
    { type: "OpenParen", value: "(" },
    { type: "NumericLiteral", value: String(argument) },
    { type: "CloseParen", value: ")" },
    { type: "CloseExpression", value: "}}" },
  ];
}

const isOpening = ({ type }: Token) => type === "OpenStatement" || type === "OpenExpression";

function runningTags(tags: readonly TemplateTag[]): TemplateTag[] {
  return tags.filter(({ kind }) => kind !== "comment");
}

function lineAt(source: string, place: number): number {
  return (place < 0 ? source : source.slice(0, place)).split("\n").length;
}

/** What the library says in one line; where a template ends too early, it has no words of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return "the template ends too early, or uses what is not there";
  return excerpt((error instanceof Error ? error.message : String(error)).trim().replace(/\s+/g, " "), 300);
}

/** @throws InputError where marks are not in pairs, as where a conversation has such characters itself */
function splitMarked(text: string, file: string): MarkedChat {
  const assistant: [number, number][] = [];
  let [plain, from]: [string, number | undefined] = ["", undefined];
  for (const part of text.split(new RegExp(`([${marks.generation}${marks.endgeneration}])`))) {
    const isStart = part === marks.generation;
    if (!isStart && part !== marks.endgeneration) {
      plain += part;
      continue;
    }
    if (isStart !== (from === undefined)) throw unpaired(file);
    if (from !== undefined) assistant.push([from, plain.length]);
    from = isStart ? plain.length : undefined;
  }
  if (from !== undefined) throw unpaired(file);
  return { text: plain, assistant };
}

function unpaired(file: string): InputError {
  return new InputError(
    `${file}: what the assistant writes is not marked in pairs of {% generation %} and {% endgeneration %}`,
  );
}
