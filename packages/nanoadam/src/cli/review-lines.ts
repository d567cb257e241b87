/** A review of a model's answers as a terminal shows it. */
import type { ClassScore, Mistake, Review } from "../tasks/review.js";

const mostClasses = 20;
const mostConfusions = 3;
const mostMistakes = 3;
const textWidth = 60;
/** Columns that a class's figures take. */
const figuresWidth = 32;

/** A table of the classes, and the confusions and mistakes that matter most, in so many columns. */
export function reviewLines({ classes = [], confusions = [], mistakes = [] }: Review, columns: number): string[] {
  return [
    ...classTable(classes, columns),
    ...(confusions.length === 0
      ? []
      : [`most confused: ${confusions.slice(0, mostConfusions).map(confusionText).join("; ")}`]),
    ...(mistakes.length === 0 ? [] : ["surest mistakes (is the label right?):"]),
    ...mistakes.slice(0, mostMistakes).map(mistakeText),
  ];
}

function classTable(classes: readonly ClassScore[], columns: number): string[] {
  if (classes.length === 0) return [];
  const shown = classes.length > mostClasses ? worstFirst(classes).slice(0, mostClasses) : classes;
  const room = Math.max(6, Math.min(24, columns - figuresWidth));
  const width = Math.min(room, Math.max(5, ...shown.map(({ name }) => name.length)));
  const header = `${"".padEnd(width)}  precision  recall    F1  rows`;
  const rows = shown.map(({ name, precision, recall, f1, examples }) => {
    const figures = [precision, recall].map((share) => percentage(share).padStart(7));
    return `${name.slice(0, width).padEnd(width)}    ${figures[0]} ${figures[1]}  ${f1.toFixed(2)} ${String(examples).padStart(5)}`;
  });
  const left = classes.length - shown.length;
  return [header, ...rows, ...(left === 0 ? [] : [`and ${left} classes that are told better`])];
}

function worstFirst(classes: readonly ClassScore[]): ClassScore[] {
  return classes.toSorted((a, b) => a.f1 - b.f1);
}

function percentage(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function confusionText({ label, predicted, count }: NonNullable<Review["confusions"]>[number]): string {
  return `${count} of "${label}" taken for "${predicted}"`;
}

function mistakeText({ line, text, textPair, isImage, label, predicted, probability }: Mistake): string {
  const whole = [text, textPair]
    .filter((part) => part !== undefined)
    .join(" | ")
    .replace(/\s+/g, " ")
    .trim();
  // Of the place of an image the end tells it from others.
  const shown =
    whole.length <= textWidth
      ? whole
      : isImage === true
        ? `...${whole.slice(3 - textWidth)}`
        : `${whole.slice(0, textWidth - 3)}...`;
  const sure = probability === undefined ? "" : ` (${percentage(probability)})`;
  const [given, told] = [label, predicted].map((value) => (typeof value === "number" ? value.toPrecision(3) : value));
  return `  ${isImage === true ? "" : `line ${line}: `}"${shown}" is labelled ${given}, told as ${told}${sure}`;
}
