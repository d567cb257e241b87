import { InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { describe } from "./json.js";
import { ObjectRows } from "./object-rows.js";
import { placeOf } from "./place.js";
import type { Table, TableOptions } from "./table.js";

/**
 * The rows of a program as a table, with the meaning of the same rows in a file of JSON.
 * @param name what messages call them
 * @throws InputError for what is no object, and where there are no rows
 */
export function tableOfRows(rows: Iterable<unknown>, name: string, options: TableOptions = {}): Table {
  const collected = new ObjectRows(name, options);
  let number = 0;
  for (const row of rows) {
    number++;
    if (!isObject(row)) throw new InputError(`${placeOf(name, number)} is ${describe(row)}, expected an object.`);
    collected.add(number, row);
  }
  return collected.table();
}
