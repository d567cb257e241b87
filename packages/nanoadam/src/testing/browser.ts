/** Pages in headless Chromium that are looked at from outside, by its debugging protocol over a pipe. */
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { onTestFinished } from "vitest";
import { browserFlags, chromium } from "./chromium.js";

export interface Page {
  /** What an expression is in the page; promises are waited for. */
  evaluate(expression: string): Promise<unknown>;
  /** The picture of what is to be seen, as PNG. */
  screenshot(): Promise<Buffer>;
  /** Addresses of all that the page asked for, itself among them. */
  readonly requests: readonly string[];
  /** What went wrong in it: errors of scripts, and what its content security policy forbade. */
  readonly complaints: readonly string[];
}

export interface View {
  readonly scheme?: "light" | "dark";
  readonly width?: number;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** Opens an address in a browser of its own, which ends with the running test. */
export async function openPage(url: string, { scheme = "light", width = 1280 }: View = {}): Promise<Page> {
  const { send, onEvent } = await startBrowser();
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const inPage = (method: string, parameters: object = {}) => send(method, parameters, String(sessionId));
  const [requests, complaints]: [string[], string[]] = [[], []];
  const loaded = new Promise<void>((done) => {
    onEvent((method, event) => {
      if (method === "Network.requestWillBeSent") requests.push((event.request as { readonly url: string }).url);
      if (method === "Runtime.exceptionThrown") complaints.push(JSON.stringify(event));
      if (method === "Log.entryAdded") complaints.push((event.entry as { readonly text: string }).text);
      if (method === "Page.loadEventFired") done();
    });
  });
  for (const domain of ["Network", "Runtime", "Log", "Page"]) await inPage(`${domain}.enable`);
  await inPage("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
  await inPage("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await inPage("Page.navigate", { url });
  await loaded;
  return {
    requests,
    complaints,
    async evaluate(expression) {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await inPage("Runtime.evaluate", options);
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { readonly value?: unknown }).value;
    },
    async screenshot() {
      return Buffer.from(String((await inPage("Page.captureScreenshot")).data), "base64");
    },
  };
}

async function startBrowser() {
  if (chromium === undefined) throw new Error("there is no browser");
  const browser = spawn(chromium, [...(await browserFlags()), "--remote-debugging-pipe"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void browser.kill("SIGKILL"));
  const [, , , commands, answers] = browser.stdio as unknown as [unknown, unknown, unknown, Writable, Readable];
  const waiting = new Map<number, (message: Message) => void>();
  let told: (method: string, parameters: Readonly<Record<string, unknown>>) => void = () => undefined;
  let received = "";
  answers.setEncoding("utf8").on("data", (piece: string) => {
    const messages = (received + piece).split("\0");
    received = messages.pop() ?? "";
    for (const message of messages.map((text) => JSON.parse(text) as Message)) {
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      else told(message.method ?? "", message.params ?? {});
    }
  });
  let last = 0;
  return {
    onEvent(listener: typeof told): void {
      told = listener;
    },
    async send(method: string, params: object, sessionId?: string): Promise<Readonly<Record<string, unknown>>> {
      const id = ++last;
      const answered = new Promise<Message>((done) => waiting.set(id, done));
      commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
      const { result, error } = await answered;
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    },
  };
}
