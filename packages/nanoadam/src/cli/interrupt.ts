/**
 * A signal that is aborted by the first Ctrl-C, so that work can end in order; the second ends the process at once.
 * `release` stops listening, `told` is called at the first.
 */
export function interruptSignal(told?: () => void): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const interrupt = () => {
    if (!controller.signal.aborted) told?.();
    controller.abort();
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    },
  };
}
