import { availableParallelism } from "node:os";
import type { Runtime } from "@nanoadam/engine";
import { cpuRuntime, EngineError } from "@nanoadam/engine/node";
import { InputError } from "../errors.js";
import type { BatchInput } from "../options/training-options.js";
import type { NoticeListener } from "../train/observer.js";

/** More threads than processors gain nothing; some more do no harm, so that options of one machine fit another. */
const threadsForProcessors = (processors: number) => Math.max(16, 4 * processors);

/**
 * The engine that the options ask for; the listener is told where it is not the one that one would expect.
 * @throws InputError where it cannot be loaded, and for many more threads than the machine has processors.
 */
export async function openRuntime(
  { engine, threads }: Pick<BatchInput, "engine" | "threads">,
  listener: NoticeListener = {},
): Promise<Runtime> {
  const processors = availableParallelism();
  const most = threadsForProcessors(processors);
  if (threads !== undefined && threads > most) {
    throw new InputError(
      `\`threads\` is ${threads}, expected at most ${most} on this machine of ${processors} processors`,
    );
  }
  try {
    const runtime = await cpuRuntime({ engine, threads });
    if (runtime.notice !== undefined) listener.onNotice?.(runtime.notice);
    return runtime;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new InputError(engine === undefined ? error.message : `\`engine\` is ${engine}, but ${error.message}`);
  }
}
