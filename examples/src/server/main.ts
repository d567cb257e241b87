/** `node examples/dist/server/main.js MODEL_FOLDER [PORT]` */
import { startServer } from "./server.js";
import { Teacher } from "./teacher.js";

const [folder, port = "3000"] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node examples/dist/server/main.js MODEL_FOLDER [PORT]");
const teacher = await Teacher.open({ folder, base: "demo", output: `${folder}-taught`, training: { threads: 1 } });
const server = await startServer(teacher, Number(port));
console.log(`http://localhost:${server.port}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void server.close());
