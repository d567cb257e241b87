/** A page in headless Chromium, where the machine has one. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { onTestFinished } from "vitest";
import { listenLocally } from "./local-server.js";
import { contentType } from "./serve-folder.js";
import { temporaryFolder } from "./temporary-folder.js";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The browser's path; undefined where there is none. */
export const chromium: string | undefined = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** A browser without a window, with a profile of its own, which is thrown away. */
export async function browserFlags(): Promise<readonly string[]> {
  const profile = await temporaryFolder();
  return ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`];
}

/**
 * Opens a page whose script, whose imports are all dynamic, ends in `done(result)`, and gives that result. `folders` are served under their names, and `imports`
 * says where modules are that the script, or what it imports, calls by name.
 */
export async function runPage(
  script: string,
  folders: Readonly<Record<string, string>>,
  imports: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  if (chromium === undefined) throw new Error("there is no browser");
  const page = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module">
    const done = (result) => fetch("/done", { method: "POST", body: JSON.stringify(result) });
    try { ${script} } catch (error) { done({ error: String(error?.stack ?? error) }); }
  </script>`;
  let settle: (result: unknown) => void = () => undefined;
  const result = new Promise<unknown>((resolve) => {
    settle = resolve;
  });
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/done") {
      const parts: Uint8Array[] = [];
      for await (const part of request) parts.push(part as Uint8Array);
      settle(JSON.parse(Buffer.concat(parts).toString()));
      response.end();
      return;
    }
    const [, root = "", ...rest] = path.split("/");
    const folder = folders[root];
    const content = path === "/" ? page : folder && (await readFile(join(folder, ...rest)).catch(() => undefined));
    response.statusCode = content ? 200 : 404;
    response.setHeader("content-type", contentType(path === "/" ? "page.html" : path));
    response.end(content);
  });
  const url = await listenLocally(server);
  let browser: ChildProcess | undefined;
  // A test that runs out of time does not come back here.
  onTestFinished(() => void browser?.kill("SIGKILL"));
  try {
    const flags = await browserFlags();
    browser = spawn(chromium, [...flags, `${url}/`], { stdio: "ignore" });
    return await result;
  } finally {
    browser?.kill("SIGKILL");
  }
}
