#!/usr/bin/env node
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error("nanoadam: not built yet; `npm ci && npm run build` in the root of the repository builds it");
  process.exitCode = 1;
}
