import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { readLabelSets, splitLabels } from "./label-sets.js";
import { dataSource } from "./source.js";

async function sets(name: string, content: string, label: string[]): Promise<(readonly string[])[]> {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, content);
  return (await readLabelSets(dataSource(file, { label }))).map(({ labels }) => labels);
}

describe("the labels of a row", () => {
  test("are the columns with 1, of columns with 0 and 1", async () => {
    const csv = "text,toxic,insult\na,1,0\nb,0,0\nc,1.0,True\n";
    expect(await sets("a.csv", csv, ["toxic", "insult"])).toEqual([["toxic"], [], ["toxic", "insult"]]);
    expect(await sets("a.csv", csv, ["insult", "toxic"])).toEqual([["toxic"], [], ["insult", "toxic"]]);
    const json = '{"a": true, "b": 0}\n{"a": 0, "b": 1}\n';
    expect(await sets("a.jsonl", json, ["a", "b"])).toEqual([["a"], ["b"]]);
  });

  test("are a list in JSON", async () => {
    expect(await sets("a.jsonl", '{"labels": [2, 0]}\n{"labels": []}\n{"labels": ["2", "2"]}', ["labels"])).toEqual([
      ["2", "0"],
      [],
      ["2"],
    ]);
  });

  test("are between bars in a text, or between commas where no row has a bar", async () => {
    expect(await sets("a.tsv", "t\tl\nx\tjoy|anger\ny\t\nz\tSalt, Pepper\n", ["l"])).toEqual([
      ["joy", "anger"],
      [],
      ["Salt, Pepper"],
    ]);
    expect(await sets("a.tsv", "t\tl\nx\t2,5\ny\t 27 \nz\t\n", ["l"])).toEqual([["2", "5"], ["27"], []]);
    expect(await sets("a.csv", "t,l\nx,\"['joy', 'anger']\"\ny,[]\n", ["l"])).toEqual([["joy", "anger"], []]);
  });

  test("are refused with file and line", async () => {
    const refusal = (content: string, label: string[], ...says: string[]) =>
      expectRefusal(sets("a.csv", content, label), ...says);
    await refusal("t,a,b\nx,1,0\ny,0,-1\n", ["a", "b"], 'a.csv, line 3: "b" is "-1", expected 1 or 0');
    await refusal("t,a,b\nx,,0\n", ["a", "b"], 'a.csv, line 2: "a" is "", expected 1 or 0');
    await refusal("t,a,b\nx,1,0\n", ["a", "c"], 'no column "c"');
    await refusal("t,a,b\nx,1,0\n", ["a", "a"], '`label` names the column "a" twice');
    await expectRefusal(sets("a.jsonl", '{"l": ["a"]}\n{"l": null}', ["l"]), "a.jsonl, line 2");
  });

  test("come back as they were joined, or printed as a list", () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9 _-]{0,6}[a-zA-Z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label), (labels) => {
        expect(splitLabels(labels.join("|"), "|")).toEqual(labels);
        expect(splitLabels(labels.join(" , "), ",")).toEqual(labels);
        expect(splitLabels(JSON.stringify(labels), "|")).toEqual(labels);
        expect(splitLabels(`[${labels.map((each) => `'${each}'`).join(", ")}]`, ",")).toEqual(labels);
      }),
    );
  });
});
