/**
 * Exchanging two folders in one step. The system can (renameat2 of Linux), Node does not offer it, and two programs that most
 * Linux machines have do: `mv` of GNU coreutils 9.5, and Perl, which every Debian has.
 */
import { spawnSync } from "node:child_process";
import { lstatSync } from "node:fs";

/** The number of renameat2, by Node's name of the processor. */
const renameat2: Readonly<Record<string, number>> = { x64: 316, arm64: 276 };

/** Exchanges two folders of one file system, and says whether it did: either they are exchanged or nothing has happened. */
export function exchangeFolders(one: string, other: string): boolean {
  if (process.platform !== "linux") return false;
  const before = inodeOf(one);
  // What a program says of itself does not matter: the folders show it.
  const isDone = () => inodeOf(other) === before && inodeOf(one) !== before;
  for (const [program, ...arguments_] of waysToExchange(one, other)) {
    spawnSync(program, arguments_, { stdio: "ignore", timeout: 10_000 });
    if (isDone()) return true;
  }
  return false;
}

function waysToExchange(one: string, other: string): [string, ...string[]][] {
  const number = renameat2[process.arch];
  const script = `exit(syscall(${number}, -100, $ARGV[0], -100, $ARGV[1], 2) == 0 ? 0 : 1)`;
  return [
    ["mv", "--exchange", "--no-target-directory", one, other],
    ...(number === undefined ? [] : [["perl", "-e", script, one, other] satisfies [string, ...string[]]]),
  ];
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
