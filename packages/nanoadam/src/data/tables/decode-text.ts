/** Bytes of a file to text: UTF-8, or UTF-16 that says so by its byte order mark. */
import { InputError } from "../../errors.js";

/**
 * The text in bytes, without a byte order mark.
 * @throws InputError for any other encoding, which it names as far as it can be told, with the way to mend it
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const utf16 = encodingOfMark(bytes);
  if (utf16 !== undefined) return decode(bytes, utf16) ?? refuse(file, "is damaged UTF-16");
  const unmarked = unmarkedUtf16(bytes);
  if (unmarked !== undefined) {
    const conversion = `iconv -f ${unmarked.toUpperCase()} -t UTF-8`;
    return refuse(
      file,
      `looks like UTF-16 without a byte order mark, expected UTF-8; save it as UTF-8 (${conversion})`,
    );
  }
  return decode(bytes, "utf-8") ?? refuse(file, notUtf8(bytes));
}

function refuse(file: string, fault: string): never {
  throw new InputError(`The data file ${file} ${fault}.`);
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

function decode(bytes: Uint8Array, encoding: Encoding): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function encodingOfMark([first, second]: Uint8Array): Encoding | undefined {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

/** Text in UTF-16 has a zero in every second byte where it has Latin letters, as a header mostly has. */
function unmarkedUtf16(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const looked = Math.min(bytes.length, 256) & ~1;
  const zeros = [0, 0];
  for (let place = 0; place < looked; place++) if (bytes[place] === 0) zeros[place % 2] = (zeros[place % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (odd > looked / 8 && odd > 4 * even) return "utf-16le";
  return even > looked / 8 && even > 4 * odd ? "utf-16be" : undefined;
}

/** The first byte that is not UTF-8, with its line. No character of UTF-8 has the byte of a line end in it. */
function notUtf8(bytes: Uint8Array): string {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    const content = bytes.subarray(start, end);
    if (decode(content, "utf-8") === undefined) {
      const byte = content[validLength(content)] ?? 0;
      const hex = `0x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
      const meant = new TextDecoder("windows-1252").decode(Uint8Array.of(byte));
      const guess = `if it is Windows-1252 or Latin-1, where that is "${meant}", convert it: iconv -f WINDOWS-1252 -t UTF-8`;
      return `is not UTF-8: byte ${hex} in line ${line}; save it as UTF-8 (${guess})`;
    }
    start = end + 1;
  }
  return "is not UTF-8; save it as UTF-8";
}

/** How many bytes at the beginning are UTF-8. */
function validLength(bytes: Uint8Array): number {
  let length = 0;
  while (length < bytes.length) {
    const size = characterBytes(bytes[length] ?? 0);
    if (decode(bytes.subarray(length, length + size), "utf-8") === undefined) break;
    length += size;
  }
  return length;
}

/** How many bytes a character of UTF-8 has, by its first. */
function characterBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
