/** What `nanoadam theory` found, beside the paper. */
import type { Checks } from "../theory/checks.js";
import type { Range } from "../theory/findings.js";
import { type Finding, rangeOf, threeDigits } from "./finding.js";
import { outcomeIn } from "./outcome.js";

interface TheoryFile {
  readonly ranges: readonly Range[];
  readonly checks: Checks;
}

export async function theory([folder]: readonly string[]): Promise<readonly Finding[]> {
  const { ranges, checks } = await outcomeIn<TheoryFile>(folder, "theory.json");
  return [
    ...([1, 2] as const).flatMap((extraNeurons) => tables(ranges, extraNeurons)),
    {
      what: "|a|^2 - |w|^2 along the flow changes by at most",
      paper: "0",
      here: threeDigits(checks.invariant.flow),
      holds: checks.invariant.flow < 1e-4,
    },
    {
      what: "Lemma E.2: the norm as a part of its bound",
      paper: "at most 1",
      here: `at most ${checks.lemma.greatestPart.toFixed(6)}`,
      holds: checks.lemma.greatestPart < 1 + 1e-6,
    },
    {
      what: "Theorem 2.2: the error goes as epsilon to the power",
      paper: "1 or more",
      here: rangeOf(checks.theorem.slopes),
      holds: checks.theorem.slopes.every((slope) => slope > 0.95),
    },
  ];
}

/** Small weights beside large gradients, chosen once, in the settings that the paper leaves open. */
function tables(ranges: readonly Range[], extraNeurons: 1 | 2): Finding[] {
  const own = ranges.filter(({ variant }) => variant.extraNeurons === extraNeurons && variant.selection === "once");
  const settings = own.reduce((sum, range) => sum + range.settings, 0);
  const finding = (what: string, paper: string, count: number): Finding => ({
    what: `Table ${extraNeurons === 1 ? 8 : 9}: settings in which small weights ${what}`,
    paper: `the one it has (${paper})`,
    here: `${count} of ${settings}`,
    holds: 2 * count > settings,
  });
  const sumOf = (count: (range: Range) => number) => own.reduce((sum, range) => sum + count(range), 0);
  const paper = extraNeurons === 1 ? ["0.0094 < 0.017", "0.027 < 0.057"] : ["0.038 < 0.063", "0.042 < 0.097"];
  return [
    finding(
      "end with less error",
      paper[0] ?? "",
      sumOf(({ smallIsBetter }) => smallIsBetter),
    ),
    finding(
      "move less",
      paper[1] ?? "",
      sumOf(({ smallMovesLess }) => smallMovesLess),
    ),
  ];
}
