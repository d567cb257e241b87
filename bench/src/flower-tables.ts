import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface FlowerTables {
  /** Files with the columns `path` and `label`. */
  readonly train: string;
  readonly eval: string;
}

/**
 * Writes tables of an image folder's files into `out`, the same images whenever they are written: of each class the first to
 * learn, and those after them to measure.
 */
export function flowerTables(
  folder: string,
  out: string,
  { learnedOfClass, measuredOfClass }: { readonly learnedOfClass: number; readonly measuredOfClass: number },
): FlowerTables {
  mkdirSync(out, { recursive: true });
  const table = (name: string, from: number, to: number) => {
    const rows = readdirSync(folder)
      .sort()
      .flatMap((label) =>
        readdirSync(join(folder, label))
          .sort()
          .slice(from, to)
          .map((image) => `${resolve(folder, label, image)},${label}`),
      );
    const path = join(out, name);
    writeFileSync(path, ["path,label", ...rows, ""].join("\n"));
    return path;
  };
  return {
    train: table("flowers-train.csv", 0, learnedOfClass),
    eval: table("flowers-test.csv", learnedOfClass, learnedOfClass + measuredOfClass),
  };
}
