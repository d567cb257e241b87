import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage } from "./decode.js";

const canvas = (width: number, height: number, [r, g, b]: readonly [number, number, number]) =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
const first = ({ pixels }: { readonly pixels: Uint8Array }) => [...pixels.subarray(0, 3)];

describe("images are red, green and blue in eight bits", () => {
  test("of one pixel", async () => {
    const image = await decodeImage(await canvas(1, 1, [10, 20, 30]).png().toBuffer(), "one.png");
    expect(image).toMatchObject({ width: 1, height: 1 });
    expect(first(image)).toEqual([10, 20, 30]);
  });

  test("in shades of grey", async () => {
    const grey = await canvas(2, 2, [90, 90, 90]).toColourspace("b-w").png().toBuffer();
    expect(first(await decodeImage(grey, "grey.png"))).toEqual([90, 90, 90]);
  });

  test("with transparency, which is left out", async () => {
    const clear = { r: 9, g: 8, b: 7, alpha: 0.5 };
    const png = await sharp({ create: { width: 2, height: 2, channels: 4, background: clear } })
      .png()
      .toBuffer();
    const image = await decodeImage(png, "clear.png");
    expect(image.pixels.length).toBe(12);
    expect(first(image)).toEqual([9, 8, 7]);
  });

  test("in sixteen bits", async () => {
    const png = await canvas(2, 2, [200, 100, 50]).toColourspace("rgb16").png().toBuffer();
    expect(first(await decodeImage(png, "deep.png"))).toEqual([200, 100, 50]);
  });

  test("for print, in four colours", async () => {
    const jpeg = await canvas(8, 8, [250, 250, 250]).toColourspace("cmyk").jpeg().toBuffer();
    const image = await decodeImage(jpeg, "print.jpg");
    expect(image.pixels.length).toBe(8 * 8 * 3);
    expect(Math.min(...first(image))).toBeGreaterThan(200);
  });

  test("turned, as the camera was", async () => {
    const jpeg = await canvas(4, 2, [1, 2, 3]).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await decodeImage(jpeg, "turned.jpg")).toMatchObject({ width: 2, height: 4 });
  });

  test("of an animation the first picture", async () => {
    const frames = await Promise.all(
      [canvas(2, 2, [255, 0, 0]), canvas(2, 2, [0, 0, 255])].map((each) => each.png().toBuffer()),
    );
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const image = await decodeImage(gif, "moving.gif");
    expect(image).toMatchObject({ width: 2, height: 2 });
    expect(first(image)).toEqual([255, 0, 0]);
  });
});

test("what is no image, or ends too early, is refused by name", async () => {
  await expect(decodeImage(new TextEncoder().encode("hello"), "a.png")).rejects.toThrow(
    "a.png could not be read as an image",
  );
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
  const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer();
  await expect(decodeImage(jpeg.subarray(0, jpeg.length / 2), "cut.jpg")).rejects.toThrow("cut.jpg could not be read");
});
