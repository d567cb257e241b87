/** What is compared: a run without settings, and a grid. */

export interface Setting {
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly epochs?: number;
}

export const defaultSetting: Setting = {};

export const grid: readonly Setting[] = [3, 10].flatMap((epochs) =>
  [8, 32].flatMap((batchSize) => [1e-3, 3e-3, 1e-2].map((learningRate) => ({ learningRate, batchSize, epochs }))),
);

/** "rate 3e-3, batch 8, 10 epochs", or "defaults". */
export function settingName({ learningRate, batchSize, epochs }: Setting): string {
  if (learningRate === undefined) return "defaults";
  return `rate ${learningRate.toExponential(0)}, batch ${batchSize}, ${epochs} epochs`;
}
