/**
 * Every random draw of a run is a pure function of the seed, a step and a site. The sites are given out here, so that no two
 * uses share one.
 */

/** The seed of a run and the step, or epoch, that a draw belongs to; with a site it is a key of the generator. */
export interface StepKey {
  readonly seed: number;
  readonly step: number;
}

const dropoutsPerStage = 16;

export const randomSites = {
  /** Dropout number `use` of a stage. */
  dropout: (stage: number, use: number) => stage * dropoutsPerStage + use,
  /** The initial values of a model's parameter, by its place among all. */
  initialisation: (parameter: number) => 1_000_000 + parameter,
  /** Which tokens are masked, and what each becomes: three uses. */
  masking: (use: 0 | 1 | 2) => 2_000_000 + use,
  /** What chance does to images. */
  augmentation: 3_000_000,
  /** Which examples are held out for evaluation. */
  heldOut: 0x64617401,
  /** The order of the examples in an epoch. */
  exampleOrder: 0x64617402,
  /** The order of an epoch's batches. */
  batchOrder: 0x64617403,
  /** Which examples are packed into one row. */
  packing: 0x64617404,
  /** Which token comes next in a text that is generated. */
  sampling: 0x64617405,
  /** Of the toy experiment: a student, its inputs, and its teacher. */
  theory: (use: number) => 4_000_000 + use,
} as const;
