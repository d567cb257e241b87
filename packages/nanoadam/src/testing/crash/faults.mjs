/**
 * A file system that fails on request: loaded with `node --import`, it counts the calls that change something on disk and makes
 * one of them fail, or ends the process there as a power cut would. Told by the environment:
 * FAULT_AT (the number of the call, from 1), FAULT_KIND (`kill`, or an error's code), FAULT_STAYS (all later calls fail too),
 * FAULT_INSIDE (no parent of the output may be written), FAULT_COUNT (a file for the number of calls).
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { FAULT_AT, FAULT_KIND = "kill", FAULT_STAYS, FAULT_INSIDE, FAULT_COUNT } = process.env;
const at = Number(FAULT_AT ?? Number.POSITIVE_INFINITY);
let calls = 0;

function failure(name) {
  calls++;
  if (FAULT_STAYS === undefined ? calls !== at : calls < at) return undefined;
  if (FAULT_KIND === "kill") process.kill(process.pid, "SIGKILL");
  return Object.assign(new Error(`${FAULT_KIND}: injected, ${name}`), { code: FAULT_KIND, syscall: name });
}

function failing(owner, name, isSync) {
  const original = owner[name];
  owner[name] = function (...parameters) {
    const error = failure(name);
    if (error === undefined) return original.apply(this, parameters);
    if (isSync) throw error;
    return Promise.reject(error);
  };
}

const handle = await fs.promises.open(process.execPath);
const { prototype } = handle.constructor;
await handle.close();
for (const name of ["renameSync", "openSync", "writeSync", "fsyncSync", "mkdirSync"]) failing(fs, name, true);
for (const name of ["rename", "open", "mkdir", "rm", "copyFile"]) failing(fs.promises, name, false);
for (const name of ["write", "writeFile", "sync"]) failing(prototype, name, false);
if (FAULT_INSIDE !== undefined) {
  fs.promises.access = () => Promise.reject(Object.assign(new Error("EACCES: injected"), { code: "EACCES" }));
}
syncBuiltinESMExports();
if (FAULT_COUNT !== undefined) {
  const { writeFileSync } = fs;
  process.on("exit", () => writeFileSync(FAULT_COUNT, String(calls)));
}
