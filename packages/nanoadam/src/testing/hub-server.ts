/** A server that speaks the routes of the Hugging Face Hub, and fails as told. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenLocally } from "./local-server.js";

export interface HubRepository {
  readonly type?: "model" | "dataset";
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Files that are listed as large ones, by their SHA-256. */
  readonly large?: readonly string[];
}

export interface HubFaults {
  /** Connections that are dropped in the middle of a file. */
  drops?: number;
  /** Sends other bytes than are listed. */
  isWrong?: boolean;
  /** Sends more bytes than are listed. */
  isLong?: boolean;
  /** Answers 401 without this token. */
  token?: string;
  /** Sends the large files from another address. */
  redirects?: boolean;
}

export const hubCommit = "0123456789abcdef0123456789abcdef01234567";

export interface HubServer {
  readonly endpoint: string;
  readonly faults: HubFaults;
  /** What was asked for, with the range. */
  readonly requests: string[];
  /** Files that were pushed, by repository. */
  readonly pushed: Map<string, Map<string, Buffer>>;
}

export async function startHub(repositories: Readonly<Record<string, HubRepository>>): Promise<HubServer> {
  const faults: HubFaults = {};
  const requests: string[] = [];
  const pushed = new Map<string, Map<string, Buffer>>();
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = decodeURIComponent(url.pathname);
    const { range = "", authorization } = request.headers;
    requests.push(`${request.method} ${path}${range && ` ${range}`}`);
    const json = (content: unknown, status = 200, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(content));
    };
    if (faults.token !== undefined && authorization !== `Bearer ${faults.token}` && !path.startsWith("/elsewhere/")) {
      return json({ error: "Invalid username or password." }, 401);
    }
    if (request.method === "POST") return receive(path, await bodyOf(request), json);
    if (path === "/api/models") {
      const names = Object.keys(repositories).filter((name) => name.includes(url.searchParams.get("search") ?? ""));
      return json(
        names.map((name) => ({
          _id: name,
          id: name,
          private: false,
          downloads: 0,
          likes: 0,
          lastModified: "2026-01-01T00:00:00Z",
        })),
      );
    }
    const [, kind = "", name = "", what = "", rest = ""] =
      /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path) ?? [];
    if (what !== "") {
      const repository = repositories[name];
      if (repository === undefined || `${repository.type ?? "model"}s` !== kind) {
        return json({ error: "Repository not found" }, 404, { "x-error-code": "RepoNotFound" });
      }
      if (!["main", hubCommit].includes(rest))
        return json({ error: "no" }, 404, { "x-error-code": "RevisionNotFound" });
      if (what === "revision") return json({ id: name, sha: hubCommit });
      return json(Object.keys(repository.files).map((file) => listed(repository, file)));
    }
    const [, , owner = "", commit = "", file = ""] =
      /^\/(datasets\/|elsewhere\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const content = repositories[owner]?.files[file];
    if (content === undefined || ![hubCommit, "main"].includes(commit)) {
      return json({}, 404, { "x-error-code": "EntryNotFound" });
    }
    if (faults.redirects === true && !path.startsWith("/elsewhere/")) {
      response.writeHead(302, { location: `/elsewhere${url.pathname}` });
      response.end();
      return;
    }
    sendFile(response, Buffer.from(content), range, headersOf(listed(repositories[owner] as HubRepository, file)));
  };
  const sendFile = (response: ServerResponse, whole: Buffer, range: string, headers: Record<string, string>) => {
    const start = Number(/^bytes=(\d+)-/.exec(range)?.[1] ?? 0);
    const more = Buffer.alloc(faults.isLong === true ? 9 : 0);
    const body = Buffer.concat([whole.subarray(start), more]);
    if (faults.isWrong === true) body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    const partial = { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` };
    response.writeHead(range ? 206 : 200, { "content-length": body.length, ...headers, ...(range ? partial : {}) });
    if ((faults.drops ?? 0) > 0) {
      faults.drops = (faults.drops ?? 0) - 1;
      // What is on its way when a connection is reset may be lost, so that it is given time to arrive.
      response.write(body.subarray(0, Math.ceil(body.length / 2)), () => setTimeout(() => response.destroy(), 100));
    } else response.end(body);
  };
  const receive = (path: string, body: Buffer, json: (content: unknown) => void) => {
    if (path === "/api/repos/create") return json({ url: `${endpoint}/new`, id: "new" });
    const [, name = "", what = ""] = /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit)\//.exec(path) ?? [];
    if (what === "preupload") {
      const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
      return json({ files: files.map((file) => ({ path: file.path, uploadMode: "regular", shouldIgnore: false })) });
    }
    const files = pushed.get(name) ?? new Map<string, Buffer>();
    pushed.set(name, files);
    for (const line of body.toString().trim().split("\n")) {
      const { key, value } = JSON.parse(line) as { key: string; value: { path: string; content: string } };
      if (key === "file") files.set(value.path, Buffer.from(value.content, "base64"));
    }
    return json({ commitOid: hubCommit, commitUrl: `${endpoint}/${name}/commit/${hubCommit}`, hookOutput: "" });
  };
  const server = createServer((request, response) => void respond(request, response));
  const endpoint = await listenLocally(server);
  return { endpoint, faults, requests, pushed };
}

function listed({ files, large = [] }: HubRepository, path: string) {
  const content = Buffer.from(files[path] ?? "");
  const size = content.length;
  const oid = createHash("sha1").update(`blob ${size}\0`).update(content).digest("hex");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const lfs = large.includes(path) ? { lfs: { oid: sha256, size, pointerSize: 130 } } : {};
  return { type: "file", path, size, oid, ...lfs };
}

/** What huggingface_hub reads of a file before it takes it. */
function headersOf({ oid, size, lfs }: ReturnType<typeof listed> & { lfs?: { oid: string } }): Record<string, string> {
  return {
    etag: `"${lfs?.oid ?? oid}"`,
    "x-repo-commit": hubCommit,
    "x-linked-size": String(size),
    "x-linked-etag": `"${lfs?.oid ?? oid}"`,
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}
