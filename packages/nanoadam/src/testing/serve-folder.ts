/** A folder of files as any web server would serve it, to this machine. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { listenLocally } from "./local-server.js";

const types: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

export function contentType(path: string): string {
  return types[path.split(".").at(-1) ?? ""] ?? "text/plain";
}

/** Serves until the running test is over; the result is the address. */
export async function serveFolder(folder: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = path.endsWith("/") ? `${path}index.html` : path;
    const content = await readFile(join(folder, file)).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200, { "content-type": contentType(file) }).end(content);
  });
  return `${await listenLocally(server)}/`;
}
