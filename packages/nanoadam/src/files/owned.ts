/**
 * What a run has on disk until it is done bears the name of its process, so that the next run can tell what a killed one
 * left from what another is still at work on: `.LABEL.nanoadam-MACHINE-PID-START-RANDOM`. The machine is a hash of the
 * host, its boot and the namespace of process numbers (two containers both have a process 1); the start of the process
 * tells it from a later one of the same number; the random part keeps two runs in one process apart.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { touchEvery } from "./heartbeat.js";

export interface OwnedPath {
  readonly path: string;
  /** Its run is still at work, as far as one can know. */
  readonly isLive: boolean;
}

/** A name that no other process, thread or run has. */
export function ownedName(label: string): string {
  const { machine, pid, start } = thisProcess();
  return `${prefixOf(label)}${machine}-${pid}-${start}-${randomBytes(6).toString("hex")}`;
}

/** Whether a file or folder of this name is a run's own. */
export function isOwnedName(name: string): boolean {
  return /^\..*nanoadam-[0-9a-f]{8}-\d+-\d+-[0-9a-f]{12}$/.test(name);
}

/** The files and folders with this label, or with any, in a folder; none where it cannot be read. */
export async function findOwned(folder: string, label: string | undefined): Promise<OwnedPath[]> {
  const names = await readdir(folder).catch(() => []);
  const own = names.filter((name) => isOwnedName(name) && (label === undefined || name.startsWith(prefixOf(label))));
  return Promise.all(
    own.map(async (name) => {
      const path = join(folder, name);
      const [machine = "", pid, start = ""] = name.split("-").slice(-4);
      return { path, isLive: await isAtWork(path, { machine, pid: Number(pid), start }) };
    }),
  );
}

/** The longest label that stays as it is: the name has to fit in 255 bytes. */
const longestLabel = 120;

function prefixOf(label: string): string {
  if (label === "") return ".nanoadam-";
  const short = Buffer.byteLength(label) > longestLabel ? hash(label) : label;
  return `.${short}.nanoadam-`;
}

interface Owner {
  readonly machine: string;
  readonly pid: number;
  readonly start: string;
}

function thisProcess(): Owner {
  const facts = [hostname(), contentOf("/proc/sys/kernel/random/boot_id"), processNamespace()];
  return { machine: hash(facts.join("\n")), pid: process.pid, start: stateOf(process.pid)?.start ?? "0" };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** What Linux says of a process: whether it runs, and when it was started. */
function stateOf(pid: number): { readonly isEnded: boolean; readonly start: string } | undefined {
  const text = contentOf(`/proc/${pid}/stat`);
  // The command's name stands in brackets and may have any character.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", start] = [fields[0], fields[19]];
  return start === undefined ? undefined : { isEnded: /[ZX]/.test(state), start };
}

async function isAtWork(path: string, owner: Owner): Promise<boolean> {
  if (owner.machine !== thisProcess().machine) return wasTouchedLately(path);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const state = stateOf(owner.pid);
  return state === undefined || (!state.isEnded && state.start === owner.start);
}

/** Of a process elsewhere only this is seen: it touches what it owns every `touchEvery` milliseconds. */
async function wasTouchedLately(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < 20 * touchEvery;
}
