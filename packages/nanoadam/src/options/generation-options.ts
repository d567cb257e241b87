/** How text is generated: which token comes next, and what ends an answer. */
import { z } from "zod";
import { type WeightStorage, weightStorages } from "../checkpoint/pretrained.js";
import { count, countTo, factor, flag, fraction } from "./option-types.js";
import { type BatchInput, mostSeed, trainingSchema } from "./training-options.js";

/** How the next token is chosen and when to stop. What is left out is as generation_config.json says, where that is there. */
export interface GenerateOptions {
  /** Tokens of an answer at most; by default 256, and never more than the model has positions. */
  readonly maxNewTokens?: number | undefined;
  /** 0 takes the likeliest token always; the larger, the more even the odds. By default 0, or 1 where another option asks to draw. */
  readonly temperature?: number | undefined;
  /** Draw from so many of the likeliest tokens. */
  readonly topK?: number | undefined;
  /** Draw from the likeliest tokens that together have this probability. */
  readonly topP?: number | undefined;
  /** Draw from tokens that have at least this share of the likeliest one's probability. */
  readonly minP?: number | undefined;
  /** Above 1, tokens that occurred, in the prompt too, become less likely. By default 1. */
  readonly repetitionPenalty?: number | undefined;
  /** So many continuations go on side by side, and the likeliest as a whole is taken. By default 1. */
  readonly beams?: number | undefined;
  /** With beams: above 0, longer answers are preferred. By default 1. */
  readonly lengthPenalty?: number | undefined;
  /** Text, or several, before which an answer ends. */
  readonly stop?: string | readonly string[] | undefined;
  /** What is drawn follows from it. By default 0. */
  readonly seed?: number | undefined;
}

/** Each is a row of the batch, with keys and values of its own. */
const mostBeams = 256;
/** A power of an answer's length: a larger one leaves no score that is neither 0 nor infinite. */
const mostPenalty = 100;

export const generationFields = {
  maxNewTokens: count.default(256).meta(flag("tokens of an answer at most", "N")),
  temperature: z
    .number()
    .min(0)
    .max(3.4e38)
    .optional()
    .meta(
      flag("0 takes the likeliest token, 1 draws by the model's odds (default: generation_config.json's, else 0)", "X"),
    ),
  topK: count.optional().meta(flag("draw from the N likeliest tokens", "N")),
  topP: fraction.optional().meta(flag("draw from the likeliest tokens that have this probability together", "X")),
  minP: fraction.optional().meta(flag("draw from tokens of this share of the likeliest one's probability", "X")),
  repetitionPenalty: factor
    .optional()
    .meta(flag("above 1: what occurred becomes less likely (default: generation_config.json's, else 1)", "X")),
  beams: countTo(mostBeams).default(1).meta(flag("continuations that go on side by side", "N")),
  lengthPenalty: z
    .number()
    .min(-mostPenalty)
    .max(mostPenalty)
    .default(1)
    .meta(flag("of beams: above 0 prefers longer answers", "X")),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).readonly()])
    .optional()
    .meta({ ...flag("text before which an answer ends; may be given several times", "TEXT"), isRepeated: true }),
  seed: z.number().int().min(0).max(mostSeed).default(0).meta(flag("what is drawn follows from it", "N")),
};

export const generationSchema = z.object(generationFields).strict().superRefine(requireDrawing);

export type GenerationSettings = z.output<typeof generationSchema>;

/** Options that are only of use where tokens are drawn, or are not, are refused elsewhere. */
function requireDrawing(
  { temperature, topK, topP, minP, beams }: Partial<z.output<z.ZodObject<typeof generationFields>>>,
  context: z.RefinementCtx,
): void {
  const drawing = Object.entries({ topK, topP, minP }).find(([, value]) => value !== undefined)?.[0];
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (temperature === 0 && drawing !== undefined) refuse(drawing, "draws tokens, and `temperature` 0 draws none");
  if ((beams ?? 1) === 1) return;
  if (drawing !== undefined) refuse(drawing, "draws tokens, and `beams` draw none");
  if ((temperature ?? 0) > 0) refuse("temperature", `is ${temperature}, and \`beams\` draw no tokens: it is to be 0`);
}

/** How a decoder is opened. */
export interface TextGeneratorOptions extends Pick<BatchInput, "threads" | "engine"> {
  /**
   * How linear layers and embeddings are held: "float32" widens bfloat16 once, instead of at each step, which is several times as
   * fast, for twice the memory; "keep" as they are stored; or "bfloat16". Unless told, float32 where half of the memory is enough.
   */
  readonly weights?: WeightStorage | undefined;
}

/** An answer to a prompt, by the checkpoint of a folder. */
export interface GenerateInput extends GenerateOptions, TextGeneratorOptions {
  /** The folder of a decoder, or of an adapter on one. */
  readonly model: string;
  /** What the text goes on from. */
  readonly prompt: string;
}

const modelFields = {
  model: z.string().min(1).meta(flag("folder of a decoder, or of an adapter on one", "DIR")),
  weights: z
    .enum(weightStorages)
    .optional()
    .meta(
      flag(
        "how linear layers and embeddings are held (default: float32, which is faster, where half of the memory is enough; else keep)",
      ),
    ),
  ...trainingSchema.pick({ threads: true, engine: true }).shape,
};

export const generateSchema = z
  .object({
    prompt: z.string().meta(flag("the text to go on from; - for standard input", '"..."')),
    ...modelFields,
    ...generationFields,
  })
  .strict()
  .superRefine(requireDrawing);

/** A conversation in the terminal. */
export const chatSchema = z
  .object({
    system: z.string().min(1).optional().meta(flag("what the model is told before the conversation", '"..."')),
    ...modelFields,
    ...generationFields,
  })
  .strict()
  .superRefine(requireDrawing);
