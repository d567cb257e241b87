import { describe, expect, test } from "vitest";
import { parseTable } from "../data/tables/parse-table.js";
import { expectRefusal } from "../testing/refusal.js";
import { chooseColumns, chooseTextColumn } from "./choose-columns.js";
import { taskKind } from "./registry.js";

const tableOf = (...lines: string[]) => parseTable(lines.join("\n"), "data.csv");
const choose = (
  lines: readonly string[],
  { task = "classification", text = [] as string[], label = [] as string[] } = {},
) => chooseColumns(taskKind(task), tableOf(...lines), { text, label: label.length === 0 ? undefined : label });

describe("columns that nobody has named", () => {
  test.each([
    ["id,text,label", "text", "label"],
    ["label,text,sentence,class", "text", "label"],
    ["id,Review,Sentiment", "Review", "Sentiment"],
    ["utterance,intent", "utterance", "intent"],
    [",comment,category", "comment", "category"],
  ])("of %s", (header, text, label) => {
    expect(choose([header, header.replace(/[^,]+/g, "1")])).toEqual({
      text: [text],
      label: [label],
      note: `data.csv: "${text}" is taken as the text and "${label}" is taken as the label`,
    });
  });

  test("are those of the task", () => {
    expect(choose(["text,score", "a,1"], { task: "regression" })).toMatchObject({ text: ["text"], label: ["score"] });
    expect(choose(["body,tags", "a,1"], { task: "multi-label" })).toMatchObject({ text: ["body"], label: ["tags"] });
    expect(choose(["text,score", "a,1"], { task: "masked-lm" })).toEqual({
      text: ["text"],
      label: undefined,
      note: 'data.csv: "text" is taken as the text',
    });
    expect(choose(["lines", "a"], { task: "masked-lm" })).toMatchObject({ text: ["lines"] });
  });

  test("may be the one of two that is left", () => {
    expect(choose(["complaint,department", "a,b"], { text: ["complaint"] })).toEqual({
      text: ["complaint"],
      label: ["department"],
      note: 'data.csv: "department" is taken as the label',
    });
    expect(choose(["complaint,department", "a,b"], { label: ["department"] })).toMatchObject({ text: ["complaint"] });
    expect(choose(["complaint,label", "a,b"])).toMatchObject({ text: ["complaint"], label: ["label"] });
    expect(choose(["department,text", "a,b"])).toMatchObject({ text: ["text"], label: ["department"] });
  });

  test("are told by their lengths where there are two and no more", () => {
    const rows = ["service,it does not work at all", "sales,how much is the fish"];
    expect(choose(["department,complaint", ...rows])).toMatchObject({ text: ["complaint"], label: ["department"] });
  });

  test.each([
    [["a,b", "one,two", "two,one"]],
    [["id,words,answer", "1,this is a text,yes"]],
    [["review,content,label", "a,b,c"]],
  ])("are asked for where it is not clear: %j", async (lines) => {
    const columns = `"${lines[0]?.split(",").join('", "')}"`;
    await expectRefusal(
      () => choose(lines),
      /^`text`/,
      "needed, as the names of the columns of data.csv do not tell",
      columns,
    );
  });

  test("are not taken from a first row", async () => {
    await expectRefusal(
      () => choose(["I want my money back,refund", "where is my parcel,delivery", "give it back,Refund"]),
      'the first line of data.csv looks like a row and not like names of columns, as "refund" is a label',
    );
  });
});

describe("the text alone", () => {
  test.each([
    ["text,label", "text"],
    ["complaint", "complaint"],
    ["complaint,label", "complaint"],
  ])("of %s", (header, text) => {
    expect(chooseTextColumn(taskKind("classification"), tableOf(header, header.replace(/[^,]+/g, "a")))).toBe(text);
  });

  test("is asked for where it is not clear", async () => {
    const table = tableOf("complaint,department", "a,b");
    await expectRefusal(() => chooseTextColumn(taskKind("classification"), table), "`text` is needed");
  });
});
