/** Servers of tests. */
import type { Server } from "node:http";
import { onTestFinished } from "vitest";

/** Has a server listen on this machine alone, until the running test is over; the result is its address, without a slash at the end. */
export async function listenLocally(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no address");
  return `http://127.0.0.1:${address.port}`;
}
