// Text analysis: from a text to the terms that a lexical search compares.

import { stem } from "./stemmer.js";
import { STOP_WORDS } from "./stop-words.js";
import { isAscii, isMark, normalise, removeUnassigned, toLower } from "./unicode.js";

export { stem } from "./stemmer.js";
export { isBlank, removeUnassigned, toLower } from "./unicode.js";

/** Runs of Chinese, Japanese and Korean characters, which write no spaces between words. */
const UNSPACED_RUN = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+/g;

/**
 * Gives the terms of a text, repeats included.
 *
 * Each unspaced run gives its characters, then its adjacent pairs; behind those of all runs come the words of the rest,
 * without stop words, stemmed. Linear in the length of the text.
 */
export function terms(text: string): string[] {
  const found: string[] = [];
  for (const word of words(isAscii(text) ? text.toLowerCase() : unspacedTermsCutOut(text, found))) {
    if (!STOP_WORDS.has(word)) found.push(stem(word));
  }
  return found;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/**
 * Gives the terms of the date of a moment, as in "8 May, 2023": in UTC, in English, without the time of day.
 *
 * `createdAtMs` counts milliseconds since 1970, before 1 January 10000.
 */
export function dateTerms(createdAtMs: number): string[] {
  const date = new Date(createdAtMs);
  return terms(`${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}, ${date.getUTCFullYear()}`);
}

/** Appends the terms of the unspaced runs to `found`; returns the rest, in lower case, its marks gone. */
function unspacedTermsCutOut(text: string, found: string[]): string {
  const folded = toLower(normalise("NFKC", removeUnassigned(text)));
  const spaced = folded.replace(UNSPACED_RUN, (run) => {
    // All ranges lie in the Basic Multilingual Plane: a code unit is a character.
    for (let at = 0; at < run.length; at++) found.push(run.charAt(at));
    for (let at = 0; at + 1 < run.length; at++) found.push(run.slice(at, at + 2));
    return " ";
  });
  return withoutMarks(toLower(normalise("NFKD", spaced))).replace(/[\u2018\u2019\u02bc]/g, "'");
}

function withoutMarks(text: string): string {
  if (isAscii(text)) return text;
  let kept = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    if (codePoint > 0x7f && isMark(codePoint)) {
      kept += text.slice(from, at);
      from = next;
    }
    at = next;
  }
  return kept + text.slice(from);
}

/** Cuts lower-case text into its runs of a-z0-9, once a possessive `'s` and every other apostrophe is deleted. */
function words(text: string): string[] {
  const bare = text.includes("'") ? text.replace(/'s(?![a-z0-9])|'/g, "") : text;
  return bare.match(/[a-z0-9]+/g) ?? [];
}
