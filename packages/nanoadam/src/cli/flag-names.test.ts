import { expect, test } from "vitest";
import { withFlags } from "./flag-names.js";

test("options in backticks become flags, whatever command they are of", () => {
  expect(withFlags("`maskInterval` cannot go with `staticMask`")).toBe("--mask-interval cannot go with --static-mask");
  expect(withFlags("`textPair`, `merge`, `seeds`, `limit`")).toBe("--text-pair, --merge, --seeds, --limit");
});

test("all else stays as it is", () => {
  for (const text of ["maskInterval is 6", "`colour` is no option", "a `mask interval`", "``"]) {
    expect(withFlags(text)).toBe(text);
  }
});
