/** Nothing leaves the machine: the system calls of the real command, of its threads and of the processes that it starts. */
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtCommand, isBuilt } from "../testing/crash/child.js";
import { tinyPlace } from "../testing/tiny-run.js";

const canTrace = spawnSync("strace", ["-f", "-e", "trace=connect", process.execPath, "--version"]).status === 0;
if (!canTrace) console.warn("connections are not watched: strace is missing, or may not trace here");

/**
 * ONNX Runtime's telemetry connects after ten seconds. Its queue is there at once, so a short run shows that it is off; `npm
 * run crash` waits for it too.
 */
const waits = process.env.CRASH_ROUNDS !== undefined;

test.skipIf(!canTrace || !isBuilt).each([
  ["finetune, native", 6000, ["finetune", "--threads", "2", "--engine", "native"]],
  ["finetune, in WebAssembly", 1500, ["finetune", "--threads", "2", "--engine", "wasm"]],
  [
    "compare and its runs",
    6000,
    ["compare", "--optimizers", "adamw", "--learning-rates", "adamw=1e-3", "--seeds", "1"],
  ],
])("%s: no connection, no queue of events (needs npm run build)", { timeout: 300_000 }, async (_, manySteps, flags) => {
  const place = await tinyPlace();
  const [home, temporary, trace] = ["home", "temporary", "trace"].map((name) => join(place.folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(home);
  await mkdir(temporary);
  const { status, stderr } = spawnSync(
    "strace",
    [
      ...["-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-e", "signal=none", "-o", trace],
      ...[process.execPath, builtCommand, ...flags, "--model", place.model, "--train", place.train],
      ...["--text", "sentence", "--label", "label", "--batch-size", "8", "--output", join(place.folder, "out")],
      ...["--steps", waits ? String(manySteps) : "4"],
    ],
    { env: { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: home, TMPDIR: temporary }, encoding: "utf8" },
  );
  expect(status, stderr).toBe(0);
  const calls = (await readFile(trace, "utf8")).split("\n");
  expect(calls.filter((call) => /AF_INET|sin_port/.test(call))).toEqual([]);
  expect([...(await readdir(home)), ...(await readdir(temporary))]).toEqual([]);
});
