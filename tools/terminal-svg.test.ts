/** Pictures of a terminal. */
import { describe, expect, test } from "vitest";

const { terminalSvg } = (await import(new URL("terminal-svg.mjs", import.meta.url).href)) as {
  terminalSvg(frames: readonly object[], screen: object): string;
};

const screen = { columns: 20, rows: 2, title: "a < b" };
const line = (text: string, style = "") => [{ column: 0, text, style }];

describe("screens as a picture", () => {
  const svg = terminalSvg(
    [
      { seconds: 1, lines: [line("$ demo"), []] },
      { seconds: 3, lines: [line("$ demo"), line("██░ 1 & 2", "green")] },
    ],
    screen,
  );

  test("what several show is drawn once, blocks are rectangles, and text is text", () => {
    expect(svg.match(/\$ demo/g)).toHaveLength(1);
    expect(svg).toMatch(/<rect class="green" x="0" y="2" width="16.8" height="14"\/><rect class="green b" x="16.8"/);
    expect(svg).toContain(" 1 &amp; 2</text>");
    expect(svg).toContain('aria-label="a &lt; b"');
  });

  test("each has its stretch of the time, and the last one stays where nothing moves", () => {
    expect(svg).toContain("@keyframes k0{0%{opacity:1}25%{opacity:0}100%{opacity:0}}");
    expect(svg).toContain("@keyframes k1{0%{opacity:0}25%{opacity:1}100%{opacity:1}}");
    expect(svg).toContain(".f{opacity:0}.f1{opacity:1}@media (prefers-reduced-motion:no-preference)");
  });
});
