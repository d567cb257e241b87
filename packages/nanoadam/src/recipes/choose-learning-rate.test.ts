import { describe, expect, test } from "vitest";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { searchRate } from "./choose-learning-rate.js";

describe("the search for a rate", () => {
  /** A loss that is lowest at one rate, by how many times others are larger or smaller. */
  const bowl = (best: number) => async (rate: number) => Math.abs(Math.log(rate / best));
  const tried = async (best: number) => {
    const { learningRate, trials } = await searchRate(1e-3, bowl(best));
    return { learningRate, trials: trials.map((trial) => trial.learningRate) };
  };

  test("ends with three trials where the middle one is best", async () => {
    expect(await tried(1e-3)).toEqual({ learningRate: 1e-3, trials: [1e-3, 3e-3, 3.3e-4] });
  });

  test("goes further to the side where it gets better, five trials at most", async () => {
    expect(await tried(9e-3)).toEqual({ learningRate: 9e-3, trials: [1e-3, 3e-3, 3.3e-4, 9e-3, 2.7e-2] });
    expect((await tried(1)).trials).toHaveLength(5);
    expect((await tried(1e-4)).learningRate).toBe(1.1e-4);
  });

  test("does not take a rate that diverges", async () => {
    const { learningRate } = await searchRate(1e-3, async (rate) => (rate > 5e-4 ? Number.NaN : 1));
    expect(learningRate).toBe(3.3e-4);
  });
});

test("`auto` leaves nothing behind: the run is the one with the rate that it chose", async () => {
  const place = await tinyPlace();
  const { summary, folder } = await tinyRun({ learningRate: "auto", steps: 6 }, place);
  const { learningRate } = summary.configuration;
  expect(summary.learningRateTrials?.map((trial) => trial.learningRate)).toContain(learningRate);
  const told = await tinyRun({ learningRate: Number(learningRate), steps: 6 }, place);
  expect(told.summary.learningRateTrials).toBeUndefined();
  expect(await weightsOf(folder)).toEqual(await weightsOf(told.folder));
});
