import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { readTable, readText } from "./read-table.js";

/** A file of these bytes, or of this text. */
async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

const fieldsOf = async (name: string, content: string | Uint8Array) =>
  (await readTable(await fileOf(name, content))).rows.map(({ fields }) => fields);

const text = "text,label\nwärm,pos\n漢字 😀,neg\n";
const fields = [
  { text: "wärm", label: "pos" },
  { text: "漢字 😀", label: "neg" },
];

const utf16 = (content: string, order: "LE" | "BE"): Buffer => {
  const bytes = Buffer.from(content, "utf16le");
  return order === "LE" ? bytes : bytes.swap16();
};

describe("encodings", () => {
  test("UTF-8 and UTF-16 with a byte order mark are read", async () => {
    expect(await fieldsOf("x.csv", `\uFEFF${text}`)).toEqual(fields);
    expect(await fieldsOf("x.csv", utf16(`\uFEFF${text}`, "LE"))).toEqual(fields);
    expect(await fieldsOf("x.csv", utf16(`\uFEFF${text}`, "BE"))).toEqual(fields);
    expect(await readText(await fileOf("x.conll", utf16("\uFEFFEU B-ORG\n", "LE")))).toBe("EU B-ORG\n");
  });

  test("others are refused by what they are, with the way out", async () => {
    for (const order of ["LE", "BE"] as const) {
      await expectRefusal(
        readTable(await fileOf("x.csv", utf16(text, order))),
        "looks like UTF-16 without a byte order mark, expected UTF-8",
        `iconv -f UTF-16${order}`,
      );
    }
    const latin1 = Buffer.from("text,label\nwarm,pos\n\nna, café,neg\n", "latin1");
    await expectRefusal(
      readTable(await fileOf("x.csv", latin1)),
      "is not UTF-8: byte 0xE9 in line 4",
      '"é"',
      "iconv -f",
    );
    const cut = Buffer.from("text\n漢字").subarray(0, -1);
    await expectRefusal(readTable(await fileOf("x.csv", cut)), "is not UTF-8: byte 0xE5 in line 2");
    await expectRefusal(readTable(await fileOf("x.csv", Buffer.from([0xff, 0xfe, 0x00, 0xd8]))), "is damaged UTF-16");
  });
});

describe("gzip", () => {
  test("is read by its content, and the format told by the ending before .gz", async () => {
    expect(await fieldsOf("x.csv.gz", gzipSync(text))).toEqual(fields);
    expect(await fieldsOf("x.TSV.GZ", gzipSync("text\tlabel\na\tb\n"))).toEqual([{ text: "a", label: "b" }]);
    expect(await fieldsOf("x.jsonl.gz", gzipSync('{"text":"a"}\n'))).toEqual([{ text: "a" }]);
    expect(
      await fieldsOf("x.csv", Buffer.concat([gzipSync("text,label\nwärm,pos\n"), gzipSync("漢字 😀,neg\n")])),
    ).toEqual(fields);
    expect(await fieldsOf("x.csv.gz", text)).toEqual(fields);
  });

  test("that is damaged, or hides what is not read, is refused", async () => {
    const packed = gzipSync(text.repeat(100));
    await expectRefusal(
      readTable(await fileOf("x.csv.gz", packed.subarray(0, 60))),
      "x.csv.gz is packed by gzip, and damaged",
    );
    await expectRefusal(readTable(await fileOf("x.csv.gz", gzipSync(packed))), "x.csv.gz is packed twice");
    await expectRefusal(readTable(await fileOf("x.gz", packed)), 'told by the ending, which is ""');
  });
});

describe("what is not read is called by its name, with the way out", () => {
  const kinds: [string, number[] | string, ...string[]][] = [
    ["x.xlsx", "PK\u0003\u0004rest", "is an Excel workbook", "save it as CSV"],
    ["x.ods", "PK\u0003\u0004rest", "is an OpenDocument spreadsheet", "save it as CSV"],
    ["x.csv", "PK\u0003\u0004rest", "is a zip archive", "unpack it"],
    ["x.xls", [0xd0, 0xcf, 0x11, 0xe0, 1], "older Excel", "save it as CSV"],
    ["x.csv.zst", [0x28, 0xb5, 0x2f, 0xfd, 1], "is packed with zstd"],
    ["x.arrow", "ARROW1\0\0", "is an Arrow file", "save it as CSV"],
    ["x.pkl", [0x80, 0x04, 0x95], "is a Python pickle"],
    ["x.parquet", "text,label\n", "does not begin as Parquet does"],
    ["x.doc", "text", 'the ending, which is ".doc", expected one of .tsv, .csv'],
  ];
  test.each(kinds)("%s of %j", async (name, content, ...says) => {
    const bytes = typeof content === "string" ? content : Uint8Array.from(content);
    await expectRefusal(readTable(await fileOf(name, bytes)), name, ...says, /^.{1,300}$/);
  });

  test("a Git LFS pointer", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 47000\n`;
    const says = ["is a Git LFS pointer, not the file of 47000 bytes", "git lfs pull"];
    for (const name of ["x.csv", "x.parquet"])
      await expectRefusal(readTable(await fileOf(name, pointer)), name, ...says);
  });
});

test.skipIf(process.platform === "win32")("pipes, devices and folders are refused before they are read", async () => {
  const folder = await temporaryFolder();
  execFileSync("mkfifo", [join(folder, "pipe.csv")]);
  await symlink("/dev/zero", join(folder, "zero.csv"));
  await mkdir(join(folder, "folder.csv"));
  await expectRefusal(readTable(join(folder, "pipe.csv")), "pipe.csv could not be read: it is a pipe");
  await expectRefusal(readTable(join(folder, "zero.csv")), "zero.csv could not be read: it is a device");
  await expectRefusal(readTable(join(folder, "folder.csv")), "folder.csv could not be read: it is a folder");
});
