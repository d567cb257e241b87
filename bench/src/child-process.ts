import { spawnSync } from "node:child_process";

/**
 * The standard output of a command; its standard error goes to ours.
 * @param environment variables that it has besides
 * @throws Error where it cannot run, or fails.
 */
export function outputOf(
  command: string,
  arguments_: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): string {
  const { status, stdout, error } = spawnSync(command, arguments_, {
    encoding: "utf8",
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  return stdout;
}
