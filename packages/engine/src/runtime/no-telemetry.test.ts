import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

/** A process of its own that loads the library, after `before`, and makes one session. */
function runSession(before: string): { readonly files: string[]; readonly status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-telemetry-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  // An empty model: that it is refused does not matter, the library is up by then.
  const script = `${before}
    const { InferenceSession } = await import("onnxruntime-node");
    await InferenceSession.create(new Uint8Array(8)).catch(() => undefined);`;
  const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
    env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: folder, TMPDIR: folder },
    timeout: 60_000,
  });
  return { files: readdirSync(folder, { recursive: true }).map(String), status };
}

const switchOff = 'process.env.ORT_DISABLE_TELEMETRY = "1";';

test("ONNX Runtime leaves no queue of events and no log of them", () => {
  const { files, status } = runSession(switchOff);
  expect(status).toBe(0);
  expect(files).toEqual([]);
});

test("importing the engine sets what ONNX Runtime reads", async () => {
  delete process.env.ORT_DISABLE_TELEMETRY;
  await import("./node.js");
  expect(process.env.ORT_DISABLE_TELEMETRY).toBe("1");
});
