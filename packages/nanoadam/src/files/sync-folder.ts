import { open } from "node:fs/promises";
import { systemErrorCode } from "./system-error.js";

/** Has the names in a folder written to disk, so that a power cut does not take them back. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    // Some systems open no folders, or cannot sync them: there is nothing to be done then.
    const code = systemErrorCode(error) ?? "";
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EBADF"].includes(code)) throw error;
  }
}
