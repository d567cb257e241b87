/**
 * NanoAdam: Adam on the entries of smallest magnitude ("Pay Attention to Small Weights", NeurIPS 2025, Algorithm 1).
 *
 * Large weights hold what pretraining learned; small ones are free to learn, and during fine-tuning they get the large
 * gradients anyway. Two questions that the paper leaves open are options:
 *
 * - `stateOnRefresh`: "carry" keeps the moments of the entries that stay selected and starts the others at 0; "reset"
 *   starts all at 0.
 * - `biasCorrection`: "entry" corrects by the number of updates that an entry's moments have seen, "global" by the number
 *   of steps, "none" not at all, as Algorithm 1 is printed.
 */

import { type SelectedOptions, selected } from "../selected/selected.js";
import type { Optimizer } from "../types.js";
import { type AdamOptions, adam } from "./adam.js";

/** Weight decay is decoupled. */
export interface NanoAdamOptions extends SelectedOptions, AdamOptions {}

/**
 * Makes a NanoAdam optimizer. Bytes of state per selected entry: 8 for the moments (4 in bfloat16), 2 for the index, 2 for
 * the age where ages differ ("carry" with "entry"), and 2 where weights are in bfloat16; per chunk 4, and 4 more per tensor;
 * per entry of a dense tensor 8. A refresh works in three megabytes of shared memory.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function createNanoAdam(options: NanoAdamOptions): Optimizer {
  return selected(adam(options), options);
}
