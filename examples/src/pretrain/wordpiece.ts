/**
 * A WordPiece vocabulary learned from text. Words are split into characters; again and again the most frequent pair of
 * neighbouring pieces becomes a piece. Pieces inside a word start with "##".
 */
export const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

// The classes that BERT's tokenizer knows: what it drops, what stands alone, and what ends a word.
const dropped = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cn}\p{Co}]/gu;
const ideographs =
  /[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
const wordOrMark = /[^\s!-/:-@[-`{-~\p{P}]+|[!-/:-@[-`{-~\p{P}]/gu;

/** Lower-cased words and punctuation marks, as BERT's tokenizer splits them before WordPiece. */
export function splitWords(text: string): string[] {
  const plain = text
    .replaceAll(dropped, "")
    .replaceAll(ideographs, " $& ")
    .normalize("NFD")
    .replaceAll(/\p{Mn}/gu, "")
    .toLowerCase();
  return plain.match(wordOrMark) ?? [];
}

interface Word {
  pieces: string[];
  readonly count: number;
}

const longestWord = 40;
const rarestCharacter = 20;

/** Learns a vocabulary of at most `size` entries, special tokens first. */
export function learnVocabulary(texts: Iterable<string>, size: number): string[] {
  const words = countWords(texts);
  const pieces = new Map<string, number>();
  for (const { pieces: own, count } of words)
    for (const piece of own) pieces.set(piece, (pieces.get(piece) ?? 0) + count);
  const alphabet = [...pieces].filter(([, count]) => count >= rarestCharacter).map(([piece]) => piece);
  const vocabulary = new Set<string>([...specialTokens, ...alphabet.sort()]);

  const counts = new Map<string, number>();
  const places = new Map<string, Set<Word>>();
  const change = (word: Word, sign: 1 | -1) => {
    for (let i = 0; i + 1 < word.pieces.length; i++) {
      const pair = `${word.pieces[i]} ${word.pieces[i + 1]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + sign * word.count);
      if (sign === 1) {
        const known = places.get(pair) ?? new Set();
        places.set(pair, known.add(word));
      }
    }
  };
  for (const word of words) change(word, 1);

  while (vocabulary.size < size) {
    let best = "";
    let most = 1;
    for (const [pair, count] of counts) {
      if (count > most || (count === most && count > 1 && pair < best)) [best, most] = [pair, count];
    }
    if (best === "") break;
    const [left = "", right = ""] = best.split(" ");
    const joined = left + right.slice(2);
    vocabulary.add(joined);
    for (const word of places.get(best) ?? []) {
      change(word, -1);
      word.pieces = merge(word.pieces, left, right, joined);
      change(word, 1);
    }
    counts.delete(best);
    places.delete(best);
  }
  return [...vocabulary];
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .filter(([word]) => word.length <= longestWord)
    .map(([word, count]) => ({
      pieces: Array.from(word, (character, i) => (i === 0 ? character : `##${character}`)),
      count,
    }));
}

function merge(pieces: readonly string[], left: string, right: string, joined: string): string[] {
  const merged: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const isPair = pieces[i] === left && pieces[i + 1] === right;
    merged.push(isPair ? joined : (pieces[i] ?? ""));
    if (isPair) i++;
  }
  return merged;
}

/** The ids of a word's pieces, the longest first; the id of [UNK] where they do not cover it. */
export function wordPieces(word: string, ids: ReadonlyMap<string, number>): number[] {
  const found: number[] = [];
  for (let start = 0; start < word.length; ) {
    let end = word.length;
    let id: number | undefined;
    for (; end > start; end--) {
      id = ids.get(`${start === 0 ? "" : "##"}${word.slice(start, end)}`);
      if (id !== undefined) break;
    }
    if (id === undefined) return [specialTokens.indexOf("[UNK]")];
    found.push(id);
    start = end;
  }
  return found;
}
