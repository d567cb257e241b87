/** `node examples/dist/server/main.js MODEL_FOLDER [PORT]` */
import { openModel } from "nanoadam";
import { startServer } from "./server.js";

const [folder, port = "3000"] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node examples/dist/server/main.js MODEL_FOLDER [PORT]");
const server = await startServer(await openModel(folder), Number(port));
console.log(`http://localhost:${server.port}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void server.close());
