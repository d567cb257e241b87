/**
 * How long a program that prepares a run on a large table is deaf to signals: the longest that a timer waits for its turn, from the first
 * line read to the first step.
 *
 *     npm run bench -- --only turns
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finetune, type TrainingObserver } from "nanoadam";
import { median, type Row } from "./row.js";

const rows = 300_000;
/** Between two ticks of the timer, in milliseconds. */
const interval = 20;

export async function turnRows({
  rounds,
  threads,
}: {
  readonly rounds: number;
  readonly threads: number;
}): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-turns-"));
  try {
    const train = join(folder, "train.tsv");
    const line = (_: unknown, index: number) => `${index} a film that one would like to see again\t${index % 2}\n`;
    writeFileSync(train, `text\tlabel\n${Array.from({ length: rows }, line).join("")}`);
    const longest: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const longestWait = watchTurns();
      const prepared = new Error("all is prepared");
      const observer: TrainingObserver = {
        onStart() {
          longest.push(longestWait());
          throw prepared;
        },
      };
      const options = { model: "demo", train, text: "text", label: "label", output: join(folder, "output"), threads };
      await finetune(options, { observers: [observer] }).catch((error: unknown) => {
        if (error !== prepared) throw error;
      });
    }
    return [{ name: `Preparing a run on ${rows} rows: longest wait of a timer`, value: median(longest), unit: "ms" }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Watches from now on; the result ends that and says the longest wait. */
function watchTurns(): () => number {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - interval);
    last = now;
  }, interval);
  return () => {
    clearInterval(timer);
    return longest;
  };
}
