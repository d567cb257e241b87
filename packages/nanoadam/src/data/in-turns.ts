/** Milliseconds of work after which others have a turn. */
const turn = 50;

/** Gives the rest of the program a turn, between two pieces of work over all data. */
export function takeTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Maps many items, and gives the rest of the program a turn now and then: a signal, say, is noticed meanwhile. */
export async function mapInTurns<Item, Result>(
  items: readonly Item[],
  map: (item: Item, index: number) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  let began = performance.now();
  for (const [index, item] of items.entries()) {
    results.push(map(item, index));
    // The clock is looked at now and then only: reading it costs as much as a short text.
    if (index % 16 === 0 && performance.now() - began > turn) {
      await takeTurn();
      began = performance.now();
    }
  }
  return results;
}
