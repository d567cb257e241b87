import { expect, test } from "vitest";
import { tinyArchitectures } from "../testing/tiny-checkpoint.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

test.each(tinyArchitectures)("%s with checkpointing gives the same bits", async (architecture) => {
  const place = await tinyPlace({ architecture });
  const [kept, recomputed] = [
    await tinyRun({ dropout: 0.2 }, place),
    await tinyRun({ dropout: 0.2, checkpointing: "stage" }, place),
  ];
  expect(await weightsOf(recomputed.folder)).toEqual(await weightsOf(kept.folder));
  expect(recomputed.summary.evaluation).toEqual(kept.summary.evaluation);
});
