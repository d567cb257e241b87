/**
 * A web server for the browser of this machine: a page of a run, and a stream of server-sent events that keeps it up to date. It
 * listens on the loopback interface only. Pages of other sites cannot read it: requests whose `Host` or `Origin` is another are
 * refused, which a name that is made to lead here (DNS rebinding) does not pass either.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, resolve } from "node:path";
import { InputError } from "../errors.js";
import { findLiveFile } from "../files/live-file.js";
import { describeSystemError, systemErrorCode } from "../files/system-error.js";
import { readHistory } from "./history.js";
import { contentSecurityPolicy, framePage, liveContent } from "./live-page.js";

export interface WatchOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Milliseconds between looks at the log. */
  readonly interval?: number;
}

export interface WatchServer {
  readonly url: string;
  close(): Promise<void>;
}

const address = "127.0.0.1";
const metricsFile = "metrics.jsonl";

/**
 * Serves the run that writes an output folder, or that wrote it.
 * @throws InputError where there is neither, or the port cannot be had.
 */
export async function serveRun(output: string, { port, interval = 1000 }: WatchOptions): Promise<WatchServer> {
  if ((await findLiveFile(output, metricsFile)) === undefined) {
    throw new InputError(`No run is writing ${output}, and it has no ${metricsFile}.`);
  }
  const title = basename(resolve(output));
  const listeners = new Set<ServerResponse>();
  let [sent, shown, isLooking]: [string, Log | undefined, boolean] = ["", undefined, false];
  const look = async () => {
    if (listeners.size === 0 || isLooking) return;
    isLooking = true;
    const log = await readLog(output).finally(() => {
      isLooking = false;
    });
    // Drawing takes longer than looking.
    if (log === undefined) return;
    if (shown !== undefined && log.text === shown.text && log.isLive === shown.isLive) return;
    shown = log;
    sent = contentOf(log);
    for (const listener of listeners) listener.write(eventOf(sent));
  };
  const server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    answer(request, response, own, {
      page: () => framePage(title),
      listen() {
        listeners.add(response);
        response.on("close", () => listeners.delete(response));
        if (sent !== "") response.write(eventOf(sent));
        void look();
      },
    });
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(port, address, done);
  }).catch((error: unknown) => {
    const reason = systemErrorCode(error) === "EADDRINUSE" ? "it is in use" : describeSystemError(error);
    throw new InputError(`\`port\` ${port} cannot be had: ${reason}; 0 takes one that is free.`);
  });
  const timer = setInterval(() => void look(), interval);
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}/`,
    async close() {
      clearInterval(timer);
      for (const listener of listeners) listener.end();
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

/** A run's log as it is; without a text where it cannot be read. */
interface Log {
  readonly path: string;
  readonly text?: string;
  readonly isLive: boolean;
}

/** Undefined in the moment that the log moves to its place. */
async function readLog(output: string): Promise<Log | undefined> {
  const found = await findLiveFile(output, metricsFile);
  if (found === undefined) return undefined;
  try {
    return { ...found, text: await readFile(found.path, "utf8") };
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? undefined : found;
  }
}

/** What the page shows of it. */
function contentOf({ path, text, isLive }: Log): string {
  if (text === undefined) return '<p id="state">The log cannot be read.</p>';
  try {
    return liveContent(readHistory(text, path), isLive);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return '<p id="state">The log has a line that is no record.</p>';
  }
}

function eventOf(content: string): string {
  return `data: ${JSON.stringify(content)}\n\n`;
}

interface Routes {
  page(): string;
  listen(): void;
}

function answer(request: IncomingMessage, response: ServerResponse, port: number, routes: Routes): void {
  const refusal = refusalOf(request, port);
  if (refusal !== undefined) {
    const [status, text] = refusal;
    response.writeHead(status, { ...headers, "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
  } else if (request.url === "/") {
    const page = { "content-type": "text/html; charset=utf-8", "content-security-policy": contentSecurityPolicy };
    response.writeHead(200, { ...headers, ...page }).end(routes.page());
  } else {
    response.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    response.flushHeaders();
    routes.listen();
  }
}

/** The status and the reason of a request that is not answered. */
function refusalOf({ headers: { host = "", origin }, method, url }: IncomingMessage, port: number) {
  const hosts = ["localhost", address].map((name) => `${name}:${port}`);
  if (!hosts.includes(host)) return [403, "This server is for the browser of its own machine."] as const;
  if (origin !== undefined && !hosts.some((name) => origin === `http://${name}`)) {
    return [403, "This server is for its own pages."] as const;
  }
  if (method !== "GET") return [405, "Only GET is answered."] as const;
  return url === "/" || url === "/events" ? undefined : ([404, "There is no such page."] as const);
}

const headers = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
