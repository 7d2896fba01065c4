// Misspelt words of a query, and what they are taken for (spec 8.15).

import { type Language, termIn, weights } from "./language.js";
import { stem } from "./stemmer.js";
import { STOP_WORDS } from "./stop-words.js";

/** How many letters a word has that may be misspelt, and how many one that it may be taken for. */
const SHORTEST = 4;
const LONGEST = 24;
const SHORTEST_CORRECTION = 3;
/** How many distinct misspelt words are looked at: each costs some hundred stems. */
const MOST = 8;

/** What the words of a query are compared with. */
export interface Spelling {
  /** Tells a word in lower case that is known, however rare it is. */
  isWord(word: string): boolean;
  /** Counts the records that have a term. */
  recordsWith(term: string): number;
}

/**
 * Replaces the misspelt words of a query by what they are most likely meant to be, one edit away; all else stays.
 *
 * `languageOf` is asked for the query's language once there is an unknown word.
 */
export function mendIn(
  query: string,
  spelling: Spelling,
  languageOf: (query: string) => Language | undefined,
): string {
  let language: Language | undefined;
  let isTold = false;
  const told = (): Language | undefined => {
    if (!isTold) language = languageOf(query);
    isTold = true;
    return language;
  };
  // Each distinct misspelt word, and what it is taken for, if anything.
  const misspelt = new Map<string, string | undefined>();
  return query.replace(/[A-Za-z0-9]+/g, (run, at: number) => {
    if (!isPlain(run, query, at)) return run;
    const word = run.toLowerCase();
    if (!misspelt.has(word)) {
      if (misspelt.size === MOST || isSpelt(word, spelling, told)) return run;
      misspelt.set(word, correction(word, spelling, told() === undefined));
    }
    return misspelt.get(word) ?? run;
  });
}

/** Tells a word of ASCII letters alone that may be misspelt, with nothing but ASCII beside it. */
function isPlain(run: string, text: string, at: number): boolean {
  const isAscii = (index: number) => !(text.charCodeAt(index) > 0x7f);
  return (
    run.length >= SHORTEST &&
    run.length <= LONGEST &&
    !/[0-9]/.test(run) &&
    isAscii(at - 1) &&
    isAscii(at + run.length)
  );
}

/** Whether a word is known, or has a record; the language of the query is asked for last. */
function isSpelt(
  word: string,
  { isWord, recordsWith }: Spelling,
  told: () => Language | undefined,
): boolean {
  if (weights(word) !== undefined || isWord(word) || recordsWith(stem(word)) > 0) return true;
  const language = told();
  return language !== undefined && recordsWith(termIn(language, word)) > 0;
}

/** The best word that is one edit away, if there is any that counts. */
function correction(word: string, spelling: Spelling, isEnglish: boolean): string | undefined {
  let best: Correction | undefined;
  for (const edit of edits(word)) {
    const one = weigh(edit, spelling, isEnglish);
    if (one !== undefined && (best === undefined || isBefore(one, best))) best = one;
  }
  return best?.word;
}

/** What a word may be taken for. */
interface Correction {
  readonly word: string;
  /** 2 for a stop word, 1 for another known word, 0 for what only the records know. */
  readonly known: number;
  /** How many records have its term; for a stop word 0. */
  readonly count: number;
}

function weigh(
  word: string,
  { isWord, recordsWith }: Spelling,
  isEnglish: boolean,
): Correction | undefined {
  if (STOP_WORDS.has(word)) return isEnglish ? { word, known: 2, count: 0 } : undefined; // none is meant in another language
  const count = recordsWith(stem(word));
  return count === 0 ? undefined : { word, known: isWord(word) ? 1 : 0, count };
}

/** Puts what is known better first, then what more records have, then what is first by bytes, which is ASCII's order. */
function isBefore(a: Correction, b: Correction): boolean {
  if (a.known !== b.known) return a.known > b.known;
  return a.count === b.count ? a.word < b.word : a.count > b.count;
}

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/**
 * Gives what one edit makes of a word of ASCII letters.
 *
 * Source: F. J. Damerau, "A technique for computer detection and correction of spelling errors" (1964).
 */
function edits(word: string): Set<string> {
  const found = new Set<string>();
  for (let at = 0; at <= word.length; at++) {
    const [before, after] = [word.slice(0, at), word.slice(at)];
    const [first = "", second = ""] = after;
    for (const letter of LETTERS) {
      found.add(before + letter + after);
      if (first !== "") found.add(before + letter + after.slice(1));
    }
    found.add(before + after.slice(1));
    found.add(before + second + first + after.slice(2));
  }
  for (const edit of found) if (edit.length < SHORTEST_CORRECTION) found.delete(edit);
  return found;
}
