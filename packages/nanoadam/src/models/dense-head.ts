/** The head that RoBERTa and ELECTRA share for numbers for each text: a dense layer on the first token, then the outputs. */
import type { Value } from "@nanoadam/engine";
import { firstToken } from "./layers.js";
import type { Head } from "./model.js";
import { linearParameters } from "./parameters.js";

export interface DenseHeadOptions {
  readonly architecture: string;
  readonly hidden: number;
  readonly outputs: number;
  readonly deviation: number;
  /** The rate of what goes into both layers. */
  readonly dropout: number;
  readonly activation: (x: Value) => Value;
}

/** The layers `classifier.dense` and `classifier.out_proj`, dropout before each and an activation between them. */
export function denseHead({ architecture, hidden, outputs, deviation, dropout, activation }: DenseHeadOptions): Head {
  return {
    architecture,
    pool: firstToken,
    stage: {
      name: "classifier",
      parameters: {
        ...linearParameters("dense", "classifier.dense", [hidden, hidden], { deviation, isHead: true }),
        ...linearParameters("out_proj", "classifier.out_proj", [hidden, outputs], { deviation, isHead: true }),
      },
      block(context) {
        const first = context.dropout(context.hidden(), dropout);
        return context.linear("out_proj", context.dropout(activation(context.linear("dense", first)), dropout));
      },
    },
  };
}
