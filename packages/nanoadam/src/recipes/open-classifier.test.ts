import { describe, expect, expectTypeOf, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { openClassifier } from "./open-classifier.js";
import { predict } from "./predict.js";

describe("a classifier whose labels are known", () => {
  test("gives them typed, the same as any prediction", async () => {
    const { folder } = await tinyRun();
    const classifier = await openClassifier(folder, ["good", "bad"], { threads: 1 });
    const answers = await classifier.classify(["a good film", { text: "it was bad" }]);
    await classifier.release();
    expect(classifier.labels).toEqual(["bad", "good"]);
    expectTypeOf(answers[0]?.label).toEqualTypeOf<"good" | "bad" | undefined>();
    expectTypeOf(answers[0]?.probabilities).toEqualTypeOf<Readonly<Record<"good" | "bad", number>> | undefined>();
    const [prediction] = await predict({ model: folder, text: "a good film", threads: 1 });
    expect({ text: "a good film", ...answers[0] }).toEqual(prediction);
    expect(answers).toHaveLength(2);
  });

  test("is refused where the model has others, or tells no class", async () => {
    const place = await tinyPlace();
    const { folder } = await tinyRun({}, place);
    await expectRefusal(
      openClassifier(folder, ["good"], { threads: 1 }),
      'has the labels "bad", "good", expected a classifier with "good"',
    );
    const { folder: scores } = await tinyRun({ task: "regression", label: "score" }, place);
    await expectRefusal(openClassifier(scores, ["good"], { threads: 1 }), "is a regression checkpoint");
  });
});
