/** The head that all encoders share for numbers at every position, token classification for instance. */
import { everyToken } from "./layers.js";
import type { Head } from "./model.js";
import { linearParameters } from "./parameters.js";

export interface TokenHeadOptions {
  readonly architecture: string;
  readonly hidden: number;
  readonly outputs: number;
  readonly deviation: number;
  readonly dropout: number;
}

/** Dropout and a linear layer named `classifier`. */
export function tokenHead({ architecture, hidden, outputs, deviation, dropout }: TokenHeadOptions): Head {
  return {
    architecture,
    pool: everyToken,
    stage: {
      name: "classifier",
      parameters: linearParameters("classifier", "classifier", [hidden, outputs], { deviation, isHead: true }),
      block: (context) => context.linear("classifier", context.dropout(context.hidden(), dropout)),
    },
  };
}
