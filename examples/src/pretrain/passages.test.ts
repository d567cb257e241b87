import { describe, expect, it } from "vitest";
import { passagesOf } from "./passages.js";

const inOrder = (count: number) => Array(count).keys();
const words = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`).join(" ");

describe("passagesOf", () => {
  it("packs short lines together and cuts long ones, losing no word and keeping the order", () => {
    const texts = [words(30, "a"), words(200, "b"), words(20, "c")];
    const passages = passagesOf(texts, inOrder);
    expect(passages.map((passage) => passage.split(" ").length)).toEqual([90, 90, 70]);
    expect(passages.join(" ")).toBe(texts.join(" "));
  });

  it("takes out mark-up, line ends, repetitions and fragments", () => {
    const line = words(10, "a");
    expect(passagesOf([`<br />${line}`, line, `two words\n${words(9, "b")}`], inOrder)).toEqual([
      `${line} ${words(9, "b")}`,
    ]);
  });

  it("follows the order given", () => {
    const [a, b] = [words(10, "a"), words(10, "b")];
    expect(passagesOf([a, b], () => [1, 0])).toEqual([`${b} ${a}`]);
  });
});
