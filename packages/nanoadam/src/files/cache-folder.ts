import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** What decides where caches go; by default this process's. */
export interface CacheSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The user's folder. @throws Error where there is none. */
  readonly home: () => string;
}

const ownSurroundings: CacheSurroundings = { environment: process.env, platform: process.platform, home: homedir };

/**
 * The folder for what this machine need not find out twice; it may not exist yet. NANOADAM_CACHE names it; else it is where
 * the system keeps a user's caches: Library/Caches/nanoadam on macOS, nanoadam\Cache in LOCALAPPDATA on Windows, nanoadam in
 * XDG_CACHE_HOME or ~/.cache elsewhere.
 * @throws Error where the user has no folder.
 */
export function cacheFolder({ environment, platform, home }: CacheSurroundings = ownSurroundings): string {
  const { NANOADAM_CACHE: named, LOCALAPPDATA: local, XDG_CACHE_HOME: xdg } = environment;
  if (named) return named;
  if (platform === "darwin") return join(home(), "Library", "Caches", "nanoadam");
  if (platform === "win32") return join(local || join(home(), "AppData", "Local"), "nanoadam", "Cache");
  // Relative paths are to be ignored, says the XDG Base Directory Specification.
  return join(xdg && isAbsolute(xdg) ? xdg : join(home(), ".cache"), "nanoadam");
}
