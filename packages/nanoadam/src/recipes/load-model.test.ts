import { describe, expect, expectTypeOf, test } from "vitest";
import type { Texts } from "../data/text/encoder.js";
import type { Outcome, OutcomesByTask } from "../tasks/registry.js";
import type { NumberOutcome } from "../tasks/regression.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { loadModel } from "./load-model.js";
import { type Prediction, predict } from "./predict.js";

describe("a model that is loaded once", () => {
  test("answers calls that overlap each with its own predictions, many texts at a time", async () => {
    const { folder } = await tinyRun();
    const model = await loadModel(folder, { threads: 1, batchSize: 4 });
    const calls = [["the film was good"], [], ["bad plot", "the cast is gold", ""], ["a long film, but good"], ["bad"]];
    const answers = await Promise.all(calls.map((texts) => model.predict(texts)));
    expect(model.waiting).toBe(0);
    await model.close();
    const alone: Prediction[] = [];
    for (const text of calls.flat().filter((each) => each !== "")) {
      alone.push(...(await predict({ model: folder, text, threads: 1 })));
    }
    expect(answers.map((each) => each.map(({ text }) => text))).toEqual(calls);
    const found = answers.flat().filter(({ text }) => text !== "");
    for (const [place, prediction] of found.entries()) {
      if (!("label" in prediction)) throw new Error("not a class");
      expect(prediction).toMatchObject({ label: (alone[place] as typeof prediction).label });
      expect(prediction.probability).toBeCloseTo((alone[place] as typeof prediction).probability, 5);
    }
  });

  test("types its answers by labels, or by task", async () => {
    const place = await tinyPlace();
    const { folder } = await tinyRun({}, place);
    const classifier = await loadModel(folder, { labels: ["good", "bad"], threads: 1 });
    const [first] = await classifier.predict(["a good film"]);
    await classifier.close();
    expect([classifier.task, classifier.labels]).toEqual(["classification", ["bad", "good"]]);
    expectTypeOf(first?.label).toEqualTypeOf<"good" | "bad" | undefined>();
    expectTypeOf(first?.probabilities).toEqualTypeOf<Readonly<Record<"good" | "bad", number>> | undefined>();
    expect(["good", "bad"]).toContain(first?.label);

    const { folder: scores } = await tinyRun({ task: "regression", label: "score" }, place);
    const scorer = await loadModel(scores, { task: "regression", threads: 1 });
    const [score] = await scorer.predict([{ text: "a good film", textPair: "and a bad one" }]);
    await scorer.close();
    expectTypeOf(score).toEqualTypeOf<(Texts & NumberOutcome) | undefined>();
    expectTypeOf<OutcomesByTask[keyof OutcomesByTask]>().toEqualTypeOf<Outcome>();
    expect(score?.value).toBeTypeOf("number");
  });

  test("is refused where it has other labels, or is of another task", async () => {
    const place = await tinyPlace();
    const { folder } = await tinyRun({}, place);
    await expectRefusal(
      loadModel(folder, { labels: ["good"], threads: 1 }),
      'has the labels "bad", "good", expected a classifier with "good"',
    );
    await expectRefusal(loadModel(folder, { labels: ["good", "good"], threads: 1 }), "expected a classifier with");
    const { folder: scores } = await tinyRun({ task: "regression", label: "score" }, place);
    await expectRefusal(loadModel(scores, { labels: ["good"], threads: 1 }), "is a regression checkpoint");
    await expectRefusal(
      loadModel(scores, { task: "classification", threads: 1 }),
      "is a regression checkpoint, expected one of classification",
    );
    const { folder: hidden } = await tinyRun({ task: "masked-lm", label: undefined, steps: 1 }, place);
    await expectRefusal(loadModel(hidden, { threads: 1 }), "nothing to predict for whole texts");
    await expectRefusal(loadModel(folder, { batchSize: 0 }), "`batchSize` is 0, expected a whole number");
  });

  test("refuses a call with what is no text, and answers the others", async () => {
    const { folder } = await tinyRun();
    const model = await loadModel(folder, { threads: 1 });
    const good = model.predict(["good"]);
    const number: unknown = ["good", 1];
    await expectRefusal(model.predict(number as string[]), "text 2 is 1, expected a text");
    const one: unknown = "good";
    await expectRefusal(model.predict(one as string[]), '`texts` is "good", expected a list');
    expect(await good).toHaveLength(1);
    await model.close();
  });

  test("answers what it was asked before it is closed, and nothing afterwards; `await using` closes it", async () => {
    const { folder } = await tinyRun();
    const model = await loadModel(folder, { threads: 1, batchSize: 1 });
    const asked = [model.predict(["good", "bad"]), model.predict(["the plot"])];
    await Promise.all([model.close(), model[Symbol.asyncDispose]()]);
    expect((await Promise.all(asked)).map((each) => each.length)).toEqual([2, 1]);
    await expectRefusal(model.predict(["good"]), "was closed");
  });
});
