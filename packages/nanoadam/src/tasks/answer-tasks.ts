/** Questions whose answers are right or wrong: the eight commonsense tasks as LLM-Adapters has them, and GSM8K. */

/** How answers of a task are found in what a model writes, and compared. */
export interface AnswerTask {
  readonly name: string;
  /** What an answer may be, for a task of choices; numbers otherwise. */
  readonly choices?: readonly string[];
  /** Tokens that an answer takes at most. */
  readonly longestAnswer: number;
  /** The answer in a text; undefined where there is none. */
  extract(text: string): string | undefined;
  /** Whether the answer in a text stays what it is, whatever follows. */
  isSettled(text: string): boolean;
}

export const answerTaskNames = [
  "commonsense/boolq",
  "commonsense/piqa",
  "commonsense/siqa",
  "commonsense/hellaswag",
  "commonsense/winogrande",
  "commonsense/arc-easy",
  "commonsense/arc-challenge",
  "commonsense/obqa",
  "gsm8k",
] as const;

export type AnswerTaskName = (typeof answerTaskNames)[number];

const numbered = (word: string, count: number) => Array.from({ length: count }, (_, place) => `${word}${place + 1}`);

const answers = numbered("answer", 5);
const choices: Readonly<Record<Exclude<AnswerTaskName, "gsm8k">, readonly string[]>> = {
  "commonsense/boolq": ["true", "false"],
  "commonsense/piqa": numbered("solution", 2),
  "commonsense/siqa": answers,
  "commonsense/hellaswag": numbered("ending", 4),
  "commonsense/winogrande": numbered("option", 2),
  "commonsense/arc-easy": answers,
  "commonsense/arc-challenge": answers,
  "commonsense/obqa": answers,
};

/** The task of a name. Its answers are found as LLM-Adapters does, a choice being the first that a text names, or as GSM8K's are. */
export function answerTask(name: AnswerTaskName): AnswerTask {
  if (name === "gsm8k")
    return { name, longestAnswer: 512, extract: extractNumber, isSettled: (text) => endOfNumber.test(text) };
  const pattern = new RegExp(choices[name].join("|"));
  return {
    name,
    choices: choices[name],
    longestAnswer: 32,
    extract: (text) => pattern.exec(text)?.[0],
    isSettled: (text) => pattern.test(text),
  };
}

const endOfNumber = /#### -?\$?[0-9.,]+[^0-9.,]/;

/** The number after the first `####`, without commas of thousands, signs of dollars and a full stop. */
function extractNumber(text: string): string | undefined {
  const found = /#### (-?\$?[0-9.,]+)/.exec(text)?.[1]?.replace(/[,$]/g, "").replace(/\.$/, "");
  return found === undefined || found === "" || found === "-" ? undefined : found;
}

/** Whether two answers are the same: as numbers where both are, else as texts. */
export function isSameAnswer(a: string, b: string): boolean {
  const [first, second] = [Number(a), Number(b)];
  return a.trim() === "" || Number.isNaN(first) || Number.isNaN(second) ? a === b : first === second;
}
