/**
 * Python as a judge: one with what users of Hugging Face have, which PEER_HF names, as `shared/tools/peer-hf/setup.sh DIR` installs
 * it (PEER_HF=DIR/bin/python; GGUF's reader by `setup.sh DIR gguf`). Nanoadam itself never needs it.
 */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const python = process.env.PEER_HF;

/** Whether there is a judge, and it has a module. */
export function pythonHas(module: string): boolean {
  return python !== undefined && spawnSync(python, ["-c", `import ${module}`]).status === 0;
}

/** What a script prints. */
export async function runPython(
  script: string,
  arguments_: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (python === undefined) throw new Error("PEER_HF names no Python");
  const { stdout } = await promisify(execFile)(python, ["-c", script, ...arguments_], {
    env: { ...process.env, ...environment },
  });
  return stdout;
}
