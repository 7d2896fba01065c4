// Text analysis: from a text to the terms that a lexical search compares.

import { civilDate, DAY_MS, MONTHS } from "./date.js";
import { type Language, Signs, termIn, weights } from "./language.js";
import { stemByScript } from "./light-stemmer.js";
import { mendIn, type Spelling } from "./spelling.js";
import { stem } from "./stemmer.js";
import {
  digitValue,
  isAscii,
  isMark,
  isOfWord,
  isUnspacedAlphabet,
  normalise,
  removeUnassigned,
  toLower,
} from "./unicode.js";

export { writeDates } from "./relative-time.js";
export { stem } from "./stemmer.js";
export { isBlank, removeUnassigned, toLower } from "./unicode.js";

/**
 * Gives the terms of a text, repeats included.
 *
 * Each run of a script that is written without spaces gives its characters and pairs; behind those of all runs come the
 * words of the rest. Those of a-z0-9 are without stop words, and stemmed as English; at the end stand those that the
 * stemmer of another language gives, if the text is told to be in one. Linear in the length of the text.
 */
export function terms(text: string): string[] {
  const { found, folded, language } = read(text);
  if (language !== undefined) appendStems(found, language, folded);
  return found;
}

/** Replaces the misspelt words of a query by what they are most likely meant to be, one edit away; all else stays. */
export function mend(query: string, spelling: Spelling): string {
  return mendIn(query, spelling, (text) => read(text).language);
}

/**
 * What a text is made of: its terms, as if it were in English, its folded rest without the unspaced runs, and the
 * language that it is told to be in.
 */
interface Reading {
  found: string[];
  folded: string;
  language: Language | undefined;
}

function read(text: string): Reading {
  const found: string[] = [];
  const signs = new Signs();
  const folded = isAscii(text) ? text.toLowerCase() : unspacedTermsCutOut(text, found, signs);
  for (const word of words(folded)) {
    if (!isAscii(word)) {
      found.push(stemByScript(word));
      continue;
    }
    const weight = weights(word);
    if (weight !== undefined) signs.addWord(weight);
    if (weight === undefined || !weight.isStopWord) found.push(stem(word));
  }
  return { found, folded, language: signs.language() };
}

/** How many letters a word has that is stemmed as one of another language than English: fewer are what is left of `l'`. */
const SHORTEST_STEMMED = 3;

/** Appends the terms that the words of a folded text have in another language, once each, if it has them not yet. */
function appendStems(found: string[], language: Language, folded: string): void {
  // The elided article of French is a word of its own.
  const parted = language === "french" ? folded.replaceAll("'", " ") : folded;
  const known = new Set(found);
  for (const word of words(parted)) {
    if (!isAscii(word) || word.length < SHORTEST_STEMMED || weights(word) !== undefined) continue;
    const term = termIn(language, word);
    if (!known.has(term)) found.push(term);
    known.add(term);
  }
}

/**
 * Gives the terms of the date of a moment, as in "8 May, 2023": in UTC, in English, without the time of day.
 *
 * `createdAtMs` counts milliseconds since 1970, before 1 January 10000.
 */
export function dateTerms(createdAtMs: number): string[] {
  const { day, month, year } = civilDate(Math.floor(createdAtMs / DAY_MS));
  return terms(`${day} ${MONTHS[month]}, ${year}`);
}

/** What joins or stretches letters and says nothing: tatweel, and the zero-width joiner and non-joiner. */
const JOINERS = /[\u0640\u200c\u200d]/g;

/** Appends the terms of the unspaced runs to `found`, and the letters to `signs`; returns the rest, folded. */
function unspacedTermsCutOut(text: string, found: string[], signs: Signs): string {
  const composed = toLower(normalise("NFKC", removeUnassigned(text))).replace(JOINERS, "");
  for (const letter of composed) signs.addLetter(letter);
  let spaced = "";
  let from = 0;
  for (let at = 0; at < composed.length; ) {
    const script = unspacedScript(composed.codePointAt(at) ?? 0);
    if (script === undefined) {
      at += 1; // the second half of a surrogate pair is of no such script
      continue;
    }
    spaced += `${composed.slice(from, at)} `;
    from = at;
    for (let next = composed.codePointAt(at); next !== undefined; next = composed.codePointAt(at)) {
      if (unspacedScript(next) !== script) break;
      at += next > 0xffff ? 2 : 1;
    }
    appendRun(found, composed.slice(from, at), script);
    from = at;
  }
  return folded(toLower(normalise("NFKD", spaced + composed.slice(from))));
}

/**
 * Appends the units of a run and its adjacent pairs.
 *
 * The units of an alphabet are letters with their marks, and no terms unless they stand alone.
 */
function appendRun(found: string[], run: string, script: Unspaced): void {
  const bounds: number[] = [];
  let at = 0;
  for (const character of run) {
    const continues = script === "alphabet" && isMark(character.codePointAt(0) ?? 0);
    if (at === 0 || !continues) bounds.push(at);
    at += character.length;
  }
  bounds.push(run.length);
  const appendStretches = (units: number): void => {
    for (let unit = 0; unit + units < bounds.length; unit++)
      found.push(run.slice(bounds[unit], bounds[unit + units]));
  };
  if (script === "characters" || bounds.length === 2) appendStretches(1);
  appendStretches(2);
}

/**
 * A script that writes no spaces between words: Chinese, Japanese, Korean, where a character is often a word, or an
 * alphabet like the Thai one, where a letter says little.
 */
type Unspaced = "characters" | "alphabet";

function unspacedScript(codePoint: number): Unspaced | undefined {
  if (codePoint < 0xe00) return undefined;
  const ofCharacters =
    (codePoint >= 0x3005 && codePoint <= 0x3007) ||
    (codePoint >= 0x3040 && codePoint <= 0x30ff) ||
    (codePoint >= 0x3400 && codePoint <= 0x4dbf) ||
    (codePoint >= 0x4e00 && codePoint <= 0x9fff) ||
    (codePoint >= 0xac00 && codePoint <= 0xd7af) ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0x20000 && codePoint <= 0x3ffff);
  if (ofCharacters) return "characters";
  return isUnspacedAlphabet(codePoint) ? "alphabet" : undefined;
}

/** Replaces what is no ASCII by what words are made of, by nothing if it is an accent, by a space if it parts words. */
function folded(text: string): string {
  if (isAscii(text)) return text;
  let kept = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    if (codePoint > 0x7f) {
      kept += text.slice(from, at) + foldedCharacter(codePoint);
      from = next;
    }
    at = next;
  }
  return kept + text.slice(from);
}

/** Letters of the Latin script that have no decomposition, as they are written without them; and apostrophes. */
const REPLACED = new Map([
  ["ß", "ss"],
  ["æ", "ae"],
  ["ð", "d"],
  ["ø", "o"],
  ["þ", "th"],
  ["đ", "d"],
  ["ħ", "h"],
  ["ı", "i"],
  ["ł", "l"],
  ["œ", "oe"],
  ["\u2018", "'"],
  ["\u2019", "'"],
  ["\u02bc", "'"],
]);

function foldedCharacter(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  const replaced = REPLACED.get(character);
  if (replaced !== undefined) return replaced;
  if (isOtherLatin(codePoint) || isOfWord(codePoint)) return character;
  return isMark(codePoint) ? "" : (digitValue(codePoint)?.toString() ?? " ");
}

/** Tells a letter of Latin or IPA in lower case. */
function isOtherLatin(codePoint: number): boolean {
  return codePoint >= 0xdf && codePoint <= 0x2af && codePoint !== 0xf7;
}

/**
 * Cuts folded text into words, once a possessive `'s` and every other apostrophe is deleted.
 *
 * Latin letters and digits make words by themselves, all other letters by themselves, as in `25км`.
 */
function words(text: string): string[] {
  const bare = text.includes("'") ? text.replace(/'s(?![a-z0-9])|'/g, "") : text;
  return bare.match(/[a-z0-9\u00df-\u02af]+|[\u02b0-\uffff]+/g) ?? [];
}
