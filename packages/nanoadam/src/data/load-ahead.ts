/**
 * What items are loaded as, in their order; while one is in use, the next is loaded. What goes wrong with an item is thrown when its turn
 * comes, and never where it does not.
 */
export async function* loadAhead<Item, Loaded>(
  items: Iterable<Item>,
  load: (item: Item) => Promise<Loaded>,
): AsyncGenerator<Loaded, void, undefined> {
  let ahead: Promise<Loaded> | undefined;
  for (const item of items) {
    const next = load(item);
    next.catch(() => {});
    if (ahead !== undefined) yield ahead;
    ahead = next;
  }
  if (ahead !== undefined) yield ahead;
}
