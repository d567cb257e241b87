import { expect } from "vitest";
import { InputError } from "../errors.js";

/** That work is refused with one line for people, which says all of `says`. */
export async function expectRefusal(
  work: Promise<unknown> | (() => unknown),
  ...says: readonly (string | RegExp)[]
): Promise<void> {
  let error: unknown;
  try {
    await (typeof work === "function" ? work() : work);
  } catch (reason) {
    error = reason;
  }
  expect(error).toBeInstanceOf(InputError);
  if (error instanceof Error) expectOneLine(error.message, says);
}

/** That a message is one line, names things by words, and says all of `says`. */
export function expectOneLine(message: string, says: readonly (string | RegExp)[]): void {
  expect(message).toMatch(/^[^\n]+$/);
  expect(message).not.toMatch(/Error:|undefined|\[object/);
  for (const part of says) typeof part === "string" ? expect(message).toContain(part) : expect(message).toMatch(part);
}
