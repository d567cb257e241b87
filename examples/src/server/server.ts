/**
 * A server that answers with a model, and teaches it:
 * `POST /predict` with `{"texts": ["...", ...]}`, `POST /finetune` with `{"rows": [{"text": "...", "label": "..."}, ...]}`, whose
 * answer is a stream of events, and `GET /health`.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { AbortError, InputError, type RunEvent } from "nanoadam";
import { jsonOf, limits, rowsOf, textsOf } from "./requests.js";
import type { Teacher } from "./teacher.js";

export interface ModelServer {
  readonly port: number;
  /** Ends a training, takes no more requests, answers those that are here, and closes the model. */
  close(): Promise<void>;
}

/** Serves to this machine alone: whoever reaches it may have it train. */
export async function startServer(teacher: Teacher, port: number): Promise<ModelServer> {
  const closing = new AbortController();
  const server = createAdaptorServer({ fetch: routes(teacher, closing.signal).fetch });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      await new Promise((done) => server.close(done));
      await teacher.model.close();
    },
  };
}

function routes(teacher: Teacher, signal: AbortSignal): Hono {
  const app = new Hono();

  app.get("/health", (context) =>
    context.json({ ready: true, waiting: teacher.model.waiting, teaching: teacher.isTeaching }),
  );

  app.post("/predict", limited(limits.predict.bytes), async (context) => {
    const texts = textsOf(await jsonOf(context.req));
    if (teacher.model.waiting >= limits.predict.waiting) {
      throw new HTTPException(503, { message: "too many texts are waiting; try again" });
    }
    return context.json({ predictions: await teacher.model.predict(texts) });
  });

  app.post("/finetune", limited(limits.finetune.bytes), async (context) => {
    const rows = rowsOf(await jsonOf(context.req));
    if (teacher.isTeaching)
      throw new HTTPException(409, { message: "it is learning already; wait until that is done" });
    const events = teacher.teach(rows, signal);
    return streamSSE(context, async (stream) => {
      try {
        for await (const event of events) {
          // Nobody listens any more, so nobody wants the model.
          if (stream.aborted) break;
          const told = toldOf(event);
          if (told !== undefined) await stream.writeSSE({ event: event.type, data: JSON.stringify(told) });
        }
      } catch (error) {
        await stream.writeSSE({ event: "failure", data: JSON.stringify({ error: messageOf(error) }) });
      }
    });
  });

  app.notFound((context) => context.json({ error: "there is POST /predict, POST /finetune and GET /health" }, 404));
  app.onError((error, context) =>
    context.json({ error: messageOf(error) }, error instanceof HTTPException ? error.status : 500),
  );
  return app;
}

function limited(bytes: number) {
  return bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw new HTTPException(413, { message: `the body has more than ${bytes} bytes` });
    },
  });
}

/** What clients are told of an event: nothing of this machine's folders. */
function toldOf(event: RunEvent): object | undefined {
  if (event.type === "start") return { steps: event.totalSteps, rows: event.data.train };
  if (event.type === "step") return { step: event.step, loss: event.loss };
  if (event.type === "evaluation") return { step: event.step, ...event.eval };
  if (event.type === "notice") return { notice: event.notice };
  if (event.type === "done") return { verdict: event.summary.review.verdict };
  return undefined;
}

/** What clients are told of an error: theirs in its own words, ours in the log alone. */
function messageOf(error: unknown): string {
  const isTheirs = [HTTPException, InputError, AbortError].some((kind) => error instanceof kind);
  if (isTheirs && error instanceof Error) return error.message;
  console.error(error);
  return "the server failed";
}
