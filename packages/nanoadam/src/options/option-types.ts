/** What options are made of, and what `--help` says of each. */
import { z } from "zod";
import type { Row } from "../data/source.js";

/**
 * A whole number of at least 1. Every number has an upper bound: what takes memory or threads its own, what only takes time, such
 * as steps, or is only compared with, such as a number of rows, that of `count`. Texts have none: paths and columns are looked up,
 * and nothing is made of them.
 */
export const countTo = (most: number) => z.number().int().min(1).max(most);
export const count = countTo(1e9);

/** A number that weights or gradients are multiplied by: what is 0 or infinite in float32 makes no sense. */
export const factor = z.number().positive().max(3.4e38);

/** A part of a whole, from more than nothing to all. */
export const fraction = z.number().gt(0).max(1);

/** Names in a list, or in one text with commas between them. */
export const names = z
  .union([z.string(), z.array(z.string()).readonly()], { error: "a name, or a list of names" })
  .transform((value) => (typeof value === "string" ? value.split(",") : [...value]));

/**
 * Columns in a list, or named in one text. Whether a comma in a name separates two columns is known only with the data; see
 * `openDataSource`.
 */
export const columns = z
  .union([z.string(), z.array(z.string()).readonly()], { error: "a name, or a list of names" })
  .transform((value) => (typeof value === "string" ? [value] : [...value]));

/** A file or folder; no system has names with a null character, which Node refuses in its own words. */
export const path = z
  .string()
  .min(1)
  .refine((value) => !value.includes("\0"), "has a null character, expected a path");

/** Data: a file, or rows that a program has at hand, which are read once. */
export const data = z.union([path, z.custom<Iterable<Row>>(isIterable)], { error: "a file, or rows" });

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** What a value means, other options by their names in backticks, and what it looks like on the command line. */
export type Flag = { readonly hint?: string; readonly description: string; readonly isRepeated?: boolean };

export const flag = (description: string, hint?: string): Flag =>
  hint === undefined ? { description } : { description, hint };

/** `maskInterval` as a flag: `--mask-interval`. */
export function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The option that is spelled as a flag is, `mask-interval` for `maskInterval`, or as it is. */
export function optionOf(spelled: string): string {
  return spelled.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
