/** What of the paper can be repeated: the list, the fastest ones for real, and that docs/paper.md has all of them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { reproductions } from "../reproduce/reproductions.js";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyPlace } from "../testing/tiny-run.js";

const page = readFileSync(new URL("../../../../docs/paper.md", import.meta.url), "utf8");

test("without a name, all are listed with what they repeat and need", async () => {
  const { exitCode, stdout } = await runCli("reproduce");
  expect(exitCode).toBe(0);
  for (const { name, repeats } of reproductions) {
    expect(stdout).toContain(`\n${name}\n`.slice(stdout.startsWith(name) ? 1 : 0));
    for (const item of repeats) expect(stdout.replace(/\s+/g, " ")).toContain(item);
  }
  expect(stdout).toContain("Figure 15; needs --model and --tasks");
});

describe("docs/paper.md", () => {
  test("has every reproduction, and no other", () => {
    const named = [...page.matchAll(/`nanoadam reproduce ([\w.-]+)/g)].map(([, name = ""]) => name);
    expect([...new Set(named)].sort()).toEqual(reproductions.map(({ name }) => name).sort());
  });

  test("has all figures and tables in order, and what is repeated of them where it stands", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| "));
    const covered = (kind: string) =>
      rows.flatMap((row) => {
        const [, first, last = first] = new RegExp(`^\\| ${kind}s? (\\d+)(?: (?:to|and) (\\d+))? \\|`).exec(row) ?? [];
        if (first === undefined) return [];
        return Array.from({ length: Number(last) - Number(first) + 1 }, (_, place) => Number(first) + place);
      });
    expect(covered("Figure")).toEqual(Array.from({ length: 19 }, (_, place) => place + 1));
    expect(covered("Table")).toEqual(Array.from({ length: 28 }, (_, place) => place + 1));
    for (const { name, repeats } of reproductions) {
      for (const item of repeats) {
        const row = rows.find((line) => line.startsWith(`| ${item} |`));
        expect(row, item).toContain(`\`nanoadam reproduce ${name}`);
      }
    }
  });
});

describe("a reproduction", () => {
  test("of the theory, short, says the command and sets what came out beside the paper", async () => {
    const output = join(await temporaryFolder(), "theory");
    const flags = ["--seeds", "1", "--steps", "30", "--threads", "1"];
    const { exitCode, stdout, stderr } = await runCli("reproduce", "theorem-2.2", "--output", output, ...flags);
    expect(exitCode, stderr).toBe(0);
    expect(stdout.replace(/\\\n\s+/g, "")).toContain(
      `$ nanoadam theory --seeds 1 --steps 30 --threads 1 --output ${output}`,
    );
    expect(stdout).toMatch(/power\n {2}paper: 1 or more\n {2}here: {2}[\d.]+ to [\d.]+ \(holds\)/);
    expect(stdout).toMatch(/\d of 7 claims hold here\n$/);
  });

  test("runs on data of one's own, whose flags take the place of the demo's", async () => {
    const { model, train } = await tinyPlace();
    const output = join(await temporaryFolder(), "looked");
    const own = ["-m", model, "--train", train, "--text", "sentence", "--label=label", "--steps", "4"];
    const { exitCode, stdout, stderr } = await runCli("reproduce", "table-7", ...own, "--threads", "1", "-o", output);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).not.toMatch(/messages\.tsv|--epochs/);
    expect(stdout).toMatch(/--from-scratch/);
    expect(stdout).toMatch(/moved\n {2}paper: 2\.1 to 2\.7\n {2}here: {2}[\d.]+ to [\d.]+ \((holds|does not hold)\)/);
    expect(stdout).toMatch(/\d of 6 claims hold here\n$/);
    expect(existsSync(join(output, "2", "analysis.html"))).toBe(true);
  });

  const isBuilt = existsSync(fileURLToPath(new URL("../../dist/cli/reproduce.js", import.meta.url)));

  test.skipIf(!isBuilt)("of a comparison (needs npm run build)", { timeout: 180_000 }, async () => {
    const { model, train } = await tinyPlace();
    const output = join(await temporaryFolder(), "compared");
    const own = ["--model", model, "--train", train, "--text", "sentence", "--label", "label", "--steps", "2"];
    const few = ["--seeds", "1", "--threads", "1", "--output", output];
    const { exitCode, stdout, stderr } = await runCli("reproduce", "static-mask", ...own, ...few);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/Table 14: [^\n]+\n {2}paper: 85\.65 and 83\.54\n {2}here: {2}[\d.]+ %, [\d.]+ % \(/);
  });

  test("that needs what does not come with the package says so", async () => {
    const { exitCode, stdout, stderr } = await runCli("reproduce", "forgetting", "--model", "resnet-18");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toBe(
      "nanoadam: forgetting needs a model and data that do not come with nanoadam: give --tasks, as to nanoadam continual\n",
    );
  });

  test("that there is not is refused, and one whose command fails ends as it does", async () => {
    expect((await runCli("reproduce", "figur-4")).stderr).toContain('called "figur-4"; did you mean figure-4?');
    expect((await runCli("reproduce", "everything")).stderr).toContain("expected one of theory, gradients, ");
    const failed = await runCli("reproduce", "theory", "--seeds", "0");
    expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^nanoadam: --?`?seeds[^\n]*\n$/) });
  });
});
