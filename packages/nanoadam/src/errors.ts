/**
 * What may go wrong without being a fault of this library. A message calls options by their names, in backticks: `maxLength`.
 */

/**
 * What the user gave cannot be used: a file, a field, an option. The message is one sentence that names the thing, what was
 * found and what was expected.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** The weights, the loss or the gradients stopped being finite. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
}

/** The work was cancelled by its signal, whose reason is the `cause`. */
export class AbortError extends Error {
  override readonly name = "AbortError";

  constructor(message: string, reason: unknown) {
    super(message, { cause: reason });
  }
}
