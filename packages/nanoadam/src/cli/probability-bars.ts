/** The probabilities of labels, as bars. */
import { bar } from "./bar.js";
import type { Colors } from "./terminal.js";

export interface ProbabilityBarOptions {
  readonly columns: number;
  readonly colors: Colors;
  /** So many labels at most, the most probable ones. */
  readonly most?: number;
}

const widestBar = 30;
const [indent, gap, percentage] = [2, 2, 5];

/** A line for each of the most probable labels: its name, a bar, and the probability. */
export function probabilityBars(
  probabilities: Readonly<Record<string, number>>,
  { columns, colors, most = 3 }: ProbabilityBarOptions,
): string[] {
  const names = Object.keys(probabilities);
  const widest = Math.max(...names.map((name) => name.length));
  const room = columns - indent - gap - percentage;
  const nameColumns = Math.min(widest, Math.max(8, Math.floor(room / 2)));
  const barColumns = Math.max(0, Math.min(widestBar, room - nameColumns - gap));
  return names
    .map((name) => ({ name, probability: probabilities[name] ?? 0 }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, most)
    .map(({ name, probability }, place) => {
      const cut = name.slice(0, nameColumns).padEnd(nameColumns);
      const shown = [place === 0 ? colors.bold(cut) : cut, bar(probability, barColumns, colors)];
      const share = `${(100 * probability).toFixed(0)} %`.padStart(percentage);
      return `${" ".repeat(indent)}${shown.join(" ".repeat(gap))}${share}`;
    });
}
