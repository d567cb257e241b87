const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  EMFILE: "too many files are open",
  EIO: "the device failed (i/o error)",
  EBUSY: "it is in use",
  EXDEV: "it is on another file system",
  ENAMETOOLONG: "the name is too long",
};

/** The system's error code of a failed file operation ("ENOENT", ...), or undefined for any other kind of error. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** A failed file operation in words that complete the sentence "it could not be read: ...". */
export function describeSystemError(error: unknown): string {
  const code = systemErrorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  // Node's "EIO: i/o error, rename 'a' -> 'b'" names paths that mean nothing to whoever reads it.
  return (code && reasons[code]) ?? (/^E[A-Z0-9]+: ([^,]+), \w+/.exec(message)?.[1] || message);
}
