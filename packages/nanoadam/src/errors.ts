/**
 * What the user gave cannot be used: a file, a field, an option. The message is one sentence that names the thing,
 * what was found and what was expected; the command line prints it alone, without a stack trace.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}
