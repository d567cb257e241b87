import { parseArgs } from "node:util";

/** The flags of a sweep over tasks, with what each is unless given. */
export function sweepFlags({ data, tasks, results }: Readonly<Record<"data" | "tasks" | "results", string>>) {
  return parseArgs({
    options: {
      model: { type: "string", default: "../shared/data/models/minibert" },
      data: { type: "string", default: data },
      tasks: { type: "string", default: tasks },
      jobs: { type: "string", default: "2" },
      results: { type: "string", default: results },
    },
  }).values;
}
