import { utimes } from "node:fs/promises";

/** Milliseconds between two touches. */
export const touchEvery = 30_000;

/** Touches a path now and then, so that other machines see that its run is at work, until the function is called. */
export function keepTouching(path: string): () => void {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, touchEvery);
  timer.unref();
  return () => clearInterval(timer);
}
