import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "vitest";

test("the compiled kernels are what their sources give", async () => {
  const script = fileURLToPath(new URL("compile-kernels.mjs", import.meta.url));
  await promisify(execFile)(process.execPath, [script, "--check"]);
});
