/** What runs on images found, beside the paper. */
import type { ContinualReport } from "../continual/report.js";
import { formatShare } from "../format.js";
import type { RunSummary } from "../recipes/summary.js";
import type { Finding, Judge } from "./finding.js";
import { outcomeIn } from "./outcome.js";

/** Table 4: NanoAdam, then AdamW. */
export async function forgetting(folders: readonly string[]): Promise<readonly Finding[]> {
  const reports = await Promise.all(folders.map((folder) => outcomeIn<ContinualReport>(folder, "continual.json")));
  const beside = (what: string, paper: string, of: (report: ContinualReport) => number | undefined): Finding => {
    const [nanoadam = Number.NaN, adamw = Number.NaN] = reports.map(of);
    return { what, paper, here: `${formatShare(nanoadam)} and ${formatShare(adamw)}`, holds: nanoadam < adamw };
  };
  return [
    beside(
      "Table 4: lost of the first task, NanoAdam and AdamW",
      "28.36 and 68.05 % (ResNet-18)",
      (report) => report.forgetting,
    ),
  ];
}

/** NanoAdam's accuracy less that of the other run is at least so much. */
function accuracies(what: string, paper: string, least: number): Judge {
  return async (folders) => {
    const summaries = await Promise.all(folders.map((folder) => outcomeIn<RunSummary>(folder, "summary.json")));
    const [nanoadam, adamw] = summaries.map(({ evaluation }) => evaluation.final.accuracy ?? Number.NaN);
    const difference = (nanoadam ?? Number.NaN) - (adamw ?? Number.NaN);
    const here = [nanoadam, adamw].map((accuracy) => formatShare(accuracy ?? Number.NaN)).join(" and ");
    return [{ what, paper, here, holds: difference >= least }];
  };
}

export const pathmnist = accuracies("Appendix L: accuracy, NanoAdam and AdamW", "90.63 and 90.85 %", -0.01);
export const pruned = accuracies("Appendix M: accuracy, NanoAdam and AdamW", "86.16 and 85.34 %", 0);
