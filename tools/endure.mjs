/**
 * Runs the tests that break things for longer: `node tools/endure.mjs crash --rounds 300 --seed 7`, or
 * `node tools/endure.mjs fuzz --minutes 10 --seed 7`, or with `--cases 200000` instead of the minutes.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const [mode = "", ...rest] = process.argv.slice(2);
const { values } = parseArgs({
  args: rest,
  options: {
    rounds: { type: "string" },
    minutes: { type: "string" },
    cases: { type: "string" },
    seed: { type: "string" },
  },
});
const seed = values.seed ?? String(Date.now() % 1e9);
process.stdout.write(`${mode}, seed ${seed}\n`);
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [vitest, "run", "--mode", mode], {
  stdio: "inherit",
  env: {
    ...process.env,
    CRASH_ROUNDS: values.rounds ?? "100",
    CRASH_SEED: seed,
    CRASH_EVERY: "1",
    ENDURE_STEPS: "2000",
    ...(values.cases === undefined ? { FUZZ_MINUTES: values.minutes ?? "1" } : { FUZZ_CASES: values.cases }),
    FUZZ_SEED: seed,
  },
});
process.exitCode = status ?? 1;
