/**
 * Works on items in their order, so many at a time. When one fails, or `signal` is aborted, no other is begun and the
 * signal that work is given is aborted; the failure, or the signal's reason, is thrown once all work has ended.
 */
export async function workThrough<Item>(
  items: readonly Item[],
  jobs: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      if (either.aborted) return;
      try {
        await work(item, either);
      } catch (error) {
        failing.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  signal.throwIfAborted();
  failing.signal.throwIfAborted();
}
