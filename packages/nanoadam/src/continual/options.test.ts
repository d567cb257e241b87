/** How people say which tasks are learned, and with what. */
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { type ContinualInput, parseContinualOptions, tasksOfFlags } from "./options.js";

const input: ContinualInput = {
  model: "bert",
  tasks: [{ train: "glue/sst2/train.tsv" }, { train: "cola.tsv.gz", epochs: 5 }],
  output: "out",
  learningRate: 1e-3,
  optimizer: "adamw",
};
const parse = (changed: Partial<ContinualInput>) => parseContinualOptions({ ...input, ...changed });

describe("tasks", () => {
  test("have what all have, and what is their own", () => {
    const { tasks } = parse({
      tasks: [...input.tasks, { train: "flowers", learningRate: 2e-3, steps: 3, eval: "held" }],
    });
    expect(tasks.map(({ name, folder }) => [name, folder])).toEqual([
      ["sst2", "1-sst2"],
      ["cola", "2-cola"],
      ["flowers", "3-flowers"],
    ]);
    expect(
      tasks.map(({ options: { training, optimizer } }) => [
        training.learningRate,
        training.epochs,
        optimizer.optimizer,
      ]),
    ).toEqual([
      [1e-3, undefined, "adamw"],
      [1e-3, 5, "adamw"],
      [2e-3, undefined, "adamw"],
    ]);
    expect(tasks[2]?.options.data).toMatchObject({ train: "flowers", eval: "held" });
  });

  test("give up the epochs of all for steps of their own", () => {
    const { tasks } = parse({ epochs: 4, tasks: [{ train: "a.csv" }, { train: "b.csv", steps: 7 }] });
    expect(tasks.map(({ options: { training } }) => [training.epochs, training.steps])).toEqual([
      [4, undefined],
      [undefined, 7],
    ]);
  });

  test("that the model knows are measured on all of their data", () => {
    const { tasks } = parse({ tasks: [{ train: "test_batch.bin", epochs: 0 }, { train: "flowers" }] });
    expect(tasks.map(({ isKnown, options: { data } }) => [isKnown, data.eval])).toEqual([
      [true, "test_batch.bin"],
      [false, undefined],
    ]);
  });

  test("of one name are told apart by numbers", () => {
    const { tasks } = parse({
      tasks: [{ train: "a/x.csv" }, { train: "b/x.csv" }, { name: "new/one", train: "c.csv" }],
    });
    expect(tasks.map(({ name, folder }) => [name, folder])).toEqual([
      ["x", "1-x"],
      ["x-2", "2-x-2"],
      ["new/one", "3-new-one"],
    ]);
  });

  test.each<[Partial<ContinualInput>, ...(string | RegExp)[]]>([
    [{ tasks: [{ train: "a.csv" }] }, "`tasks`", "at least 2 entries"],
    [{ tasks: [{ train: "a.csv" }, { train: "b.csv", epochs: 0 }] }, 'task "b"', "0", "come before"],
    [
      {
        tasks: [
          { train: "a.csv", epochs: 0 },
          { train: "b.csv", epochs: 0 },
        ],
      },
      "at least one that is learned",
    ],
    [{ tasks: [{ train: "a.csv" }, { train: "b.csv", learningRate: -1 }] }, 'task "b": `learningRate` is -1'],
    [
      { tasks: [{ train: "a.csv" }, { train: "b.csv", seed: 3 } as object as { train: string }] },
      "`seed` is the same for all tasks",
    ],
    [
      { tasks: [{ train: "a.csv" }, { train: "b.csv", loraRank: 3 } as object as { train: string }] },
      "`loraRank`",
      'task "b"',
    ],
    [{ loraRank: 4 } as object, "there is no option `loraRank`"],
    [{ tasks: "a.csv" as unknown as [] }, "`tasks` is", "expected a list"],
  ])("%j are refused", async (changed, ...says) => {
    await expectRefusal(() => parse(changed), ...says);
  });
});

describe("flags", () => {
  test("give one value for all, or one for each", () => {
    expect(
      tasksOfFlags({
        tasks: "a.bin,flowers",
        eval: "b.bin,",
        epochs: "0,5",
        learningRate: "1e-3",
        names: "cifar, flowers",
      }),
    ).toEqual([
      { train: "a.bin", eval: "b.bin", name: "cifar", epochs: 0, learningRate: 1e-3 },
      { train: "flowers", name: "flowers", epochs: 5, learningRate: 1e-3 },
    ]);
  });

  test("win over a file", () => {
    const file = [
      { train: "a.csv", epochs: 3 },
      { train: "b.csv", steps: 2 },
    ];
    expect(tasksOfFlags({ steps: "9" }, file)).toEqual([
      { train: "a.csv", steps: 9 },
      { train: "b.csv", steps: 9 },
    ]);
    expect(tasksOfFlags({ tasks: "c.csv,d.csv" }, file)).toEqual([{ train: "c.csv" }, { train: "d.csv" }]);
  });

  test("of another number are refused", async () => {
    await expectRefusal(
      () => tasksOfFlags({ tasks: "a,b", epochs: "1,2,3" }),
      "`epochs` has 3 values for 2 `tasks`",
      "or one for all",
    );
    await expectRefusal(() => tasksOfFlags({ tasks: "a,b", eval: "c" }), "`eval` has 1 values for 2 `tasks`");
  });
});
