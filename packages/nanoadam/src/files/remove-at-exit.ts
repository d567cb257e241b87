import { rmdirSync, rmSync } from "node:fs";

/**
 * Has a path removed when the process exits before its work is done (`process.exit`, an error that nobody catches), and
 * then those folders that are empty; the function that is returned calls it off.
 */
export function removeAtExit(path: string, folders: readonly string[] = []): () => void {
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true });
      for (const folder of folders) rmdirSync(folder);
    } catch {
      // The process is ending; the next run sweeps.
    }
  };
  process.once("exit", remove);
  return () => void process.off("exit", remove);
}
