/** The first place of something in a text from a place on, or the text's end; places may only grow from call to call. */
export type Finder = (from: number) => number;

/** Finds a text; however often it is asked, the text is searched through once. */
export function finder(text: string, searched: string): Finder {
  let found = -1;
  return (from) => {
    if (found < from) {
      const next = text.indexOf(searched, from);
      found = next < 0 ? text.length : next;
    }
    return found;
  };
}

/** Finds the first of two. */
export function firstOf(one: Finder, other: Finder): Finder {
  return (from) => Math.min(one(from), other(from));
}
