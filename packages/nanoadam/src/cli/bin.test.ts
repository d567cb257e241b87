import { spawnSync } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";

test("the command in a source tree that is not built says how to build it", async () => {
  const folder = await temporaryFolder();
  const script = join(folder, "bin/nanoadam.js");
  await cp(fileURLToPath(new URL("../../bin/nanoadam.js", import.meta.url)), script);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const { status, stderr } = spawnSync(process.execPath, [script, "demo"], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: "nanoadam: not built yet; `npm ci && npm run build` in the root of the repository builds it\n",
  });
});
