import type { Runtime } from "@nanoadam/engine";
import { cpuRuntime, EngineError } from "@nanoadam/engine/node";
import { InputError } from "../errors.js";
import type { BatchInput } from "../options/training-options.js";
import type { NoticeListener } from "../train/observer.js";

/**
 * The engine that the options ask for; the listener is told where it is not the one that one would expect.
 * @throws InputError where it cannot be loaded.
 */
export async function openRuntime(
  { engine, threads }: Pick<BatchInput, "engine" | "threads">,
  listener: NoticeListener = {},
): Promise<Runtime> {
  try {
    const runtime = await cpuRuntime({ engine, threads });
    if (runtime.notice !== undefined) listener.onNotice?.(runtime.notice);
    return runtime;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new InputError(engine === undefined ? error.message : `\`engine\` is ${engine}, but ${error.message}`);
  }
}
