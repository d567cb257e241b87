import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type CacheSurroundings, cacheFolder } from "./cache-folder.js";

const home = () => join("/", "home", "ada");

describe("the cache folder", () => {
  test.each<[string, NodeJS.Platform, CacheSurroundings["environment"], string]>([
    ["is in ~/.cache", "linux", {}, join(home(), ".cache", "nanoadam")],
    ["is in XDG_CACHE_HOME", "linux", { XDG_CACHE_HOME: "/caches" }, join("/caches", "nanoadam")],
    ["ignores one that is relative", "linux", { XDG_CACHE_HOME: "caches" }, join(home(), ".cache", "nanoadam")],
    ["is in Library on macOS", "darwin", { XDG_CACHE_HOME: "/x" }, join(home(), "Library", "Caches", "nanoadam")],
    ["is in LOCALAPPDATA on Windows", "win32", { LOCALAPPDATA: "/local" }, join("/local", "nanoadam", "Cache")],
    ["or where that is by default", "win32", {}, join(home(), "AppData", "Local", "nanoadam", "Cache")],
    ["is what NANOADAM_CACHE says", "linux", { NANOADAM_CACHE: "here", XDG_CACHE_HOME: "/caches" }, "here"],
    ["takes an empty one for none", "linux", { NANOADAM_CACHE: "" }, join(home(), ".cache", "nanoadam")],
  ])("%s", (_, platform, environment, expected) => {
    expect(cacheFolder({ environment, platform, home })).toBe(expected);
  });
});
