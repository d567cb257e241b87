/** What is compared: a run without settings, and a grid. */

export interface Setting {
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
}

export const defaultSetting: Setting = {};

const batchSizes = [8, 32];
const learningRates = [1e-3, 3e-3, 1e-2];

/** All settings with so many epochs. */
export function gridOf(epochs: readonly number[]): Setting[] {
  return epochs.flatMap((each) =>
    batchSizes.flatMap((batchSize) => learningRates.map((learningRate) => ({ learningRate, batchSize, epochs: each }))),
  );
}

/** "rate 3e-3, batch 8, 10 epochs", or "defaults". */
export function settingName({ learningRate, batchSize, epochs }: Setting): string {
  if (learningRate === undefined) return "defaults";
  return `rate ${learningRate.toExponential(0)}, batch ${batchSize}, ${epochs} epochs`;
}
