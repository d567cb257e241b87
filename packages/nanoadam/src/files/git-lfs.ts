import { InputError } from "../errors.js";

const firstLine = "version https://git-lfs.github.com/spec/";

/** So much of a file's beginning as a check for a pointer reads. */
export const pointerBytes = 200;

/**
 * Refuses a file that Git LFS has left in the place of a larger one: three lines of text with the larger one's hash and size.
 * @param start the file's beginning
 * @throws InputError that says how to get the file
 */
export function refuseGitLfsPointer(start: Uint8Array, path: string): void {
  if (start[0] !== firstLine.charCodeAt(0)) return;
  const text = new TextDecoder().decode(start.subarray(0, pointerBytes));
  if (!text.startsWith(firstLine)) return;
  const size = /^size (\d+)$/m.exec(text)?.[1];
  const bytes = size === undefined ? "" : ` of ${size} bytes`;
  throw new InputError(
    `${path} is a Git LFS pointer, not the file${bytes} that it stands for; run \`git lfs pull\` in its repository, or download the file.`,
  );
}
