/** A server that answers with a model: `POST /predict` with `{"texts": ["...", ...]}`, and `GET /health`. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { OpenModel } from "nanoadam";
import { inBatches } from "./batches.js";

const limits = { bytes: 256 * 1024, texts: 64, characters: 10_000, waiting: 1_024 };

/** A request that is answered with an error. */
class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface ModelServer {
  readonly port: number;
  /** Takes no more requests, answers those that are here, and releases the model. */
  close(): Promise<void>;
}

export async function startServer(model: OpenModel, port: number): Promise<ModelServer> {
  const batches = inBatches(model);

  async function answer(request: IncomingMessage): Promise<unknown> {
    const route = `${request.method} ${request.url}`;
    if (route === "GET /health") return { ready: true, waiting: batches.waiting() };
    if (route !== "POST /predict") throw new RequestError(404, "there is POST /predict and GET /health");
    if (batches.waiting() >= limits.waiting) throw new RequestError(503, "too many texts are waiting; try again");
    return { predictions: await batches.predict(textsOf(await bodyOf(request))) };
  }

  const server = createServer(async (request, response) => {
    let [status, body]: [number, unknown] = [200, undefined];
    try {
      body = await answer(request);
    } catch (error) {
      status = error instanceof RequestError ? error.status : 500;
      if (status === 500) console.error(error);
      body = { error: error instanceof RequestError ? error.message : "the server failed" };
    }
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(port);
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      await new Promise((done) => server.close(done));
      await model.release();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    // What is too long is read to its end and dropped, so that the sender gets the answer.
    if (bytes <= limits.bytes) parts.push(part);
  }
  if (bytes > limits.bytes) throw new RequestError(413, `the body has more than ${limits.bytes} bytes`);
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw new RequestError(400, "the body is no JSON");
  }
}

function textsOf(body: unknown): string[] {
  const texts: unknown = typeof body === "object" && body !== null && "texts" in body ? body.texts : undefined;
  if (!Array.isArray(texts) || texts.length > limits.texts) {
    throw new RequestError(400, `"texts" must be a list of at most ${limits.texts} texts`);
  }
  return texts.map((text: unknown) => {
    if (typeof text === "string" && text.length <= limits.characters) return text;
    throw new RequestError(400, `each text must be a string of at most ${limits.characters} characters`);
  });
}
