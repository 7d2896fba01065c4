// BERT's uncased tokeniser: from a text to the ids of its word pieces.
//
// Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), its basic tokeniser and
// WordPiece; `conformance/vectors/embeddings.json` decides what is right.

import {
  isAscii,
  isControl,
  isNonspacingMark,
  isPunctuation,
  isSpaceSeparator,
  isWhiteSpace,
  normalise,
  removeUnassigned,
  toLower,
} from "../text/unicode.js";
import { VOCABULARY } from "./table-data.js";

/** A longer word, in characters, is unknown as a whole. */
const LONGEST_WORD = 100;

interface Tokens {
  readonly ids: ReadonlyMap<string, number>;
  /** The length of the longest token, in characters. */
  readonly longest: number;
}

interface Vocabulary {
  /** Tokens that begin a word. */
  readonly beginnings: Tokens;
  /** Tokens that go on within a word, without their "##". */
  readonly continuations: Tokens;
}

let vocabulary: Vocabulary | undefined;

/**
 * Gives the token ids of a text in order, repeats included.
 *
 * Known words only: a word with a piece that the vocabulary lacks gives nothing. Linear in the length of the text.
 */
export function tokenIds(text: string): number[] {
  const ids: number[] = [];
  const bare = isAscii(text) ? bareAscii(text) : bareText(text);
  let start = 0;
  let characters = 0;
  for (let at = 0; at < bare.length; ) {
    const codePoint = bare.codePointAt(at) ?? 0;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    const punctuation = isPiecePunctuation(codePoint);
    if (punctuation || isPieceSpace(codePoint)) {
      if (characters > 0) appendPieces(ids, bare.slice(start, at), characters);
      if (punctuation) appendPieces(ids, bare.slice(at, next), 1);
      start = next;
      characters = 0;
    } else {
      characters++;
    }
    at = next;
  }
  if (characters > 0) appendPieces(ids, bare.slice(start), characters);
  return ids;
}

/** Tells a word in lower case that the vocabulary has as one piece. */
export function isKnownWord(word: string): boolean {
  vocabulary ??= readVocabulary();
  return vocabulary.beginnings.ids.has(word);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ASCII_CONTROLS = /[\u0000-\u001f\u007f]/g;

/** Does for ASCII what `bareText` does: there is nothing to compose and no ideograph. */
function bareAscii(text: string): string {
  return text
    .replace(/[\t\n\r]/g, " ")
    .replace(ASCII_CONTROLS, "")
    .toLowerCase();
}

/** Removes control characters, sets ideographs apart, drops marks and gives lower case. */
function bareText(text: string): string {
  let clean = "";
  for (const character of removeUnassigned(text)) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (codePoint === 0x20 || codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0d)
      clean += " ";
    else if (codePoint > 0x20 && codePoint < 0x7f) clean += character;
    else if (codePoint === 0xfffd || isControl(codePoint)) continue;
    else if (isSpaceSeparator(codePoint)) clean += " ";
    else if (isIdeograph(codePoint)) clean += ` ${character} `;
    else clean += character;
  }
  let unmarked = "";
  for (const character of normalise("NFD", clean)) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (codePoint < 0x80 || !isNonspacingMark(codePoint)) unmarked += character;
  }
  return toLower(unmarked);
}

/** Tells the blocks of ideographs that BERT sets apart; later extensions are not among them. */
function isIdeograph(codePoint: number): boolean {
  if (codePoint < 0x3400) return false;
  return (
    (codePoint >= 0x4e00 && codePoint <= 0x9fff) ||
    codePoint <= 0x4dbf ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0x20000 && codePoint <= 0x2a6df) ||
    (codePoint >= 0x2a700 && codePoint <= 0x2ceaf) ||
    (codePoint >= 0x2f800 && codePoint <= 0x2fa1f)
  );
}

function isPieceSpace(codePoint: number): boolean {
  return codePoint === 0x20 || (codePoint > 0x7f && isWhiteSpace(codePoint));
}

/** Tells punctuation: all ASCII that is no letter, digit, space or control, beyond it General_Category P. */
function isPiecePunctuation(codePoint: number): boolean {
  if (codePoint > 0x7f) return isPunctuation(codePoint);
  return (
    (codePoint >= 33 && codePoint <= 47) ||
    (codePoint >= 58 && codePoint <= 64) ||
    (codePoint >= 91 && codePoint <= 96) ||
    (codePoint >= 123 && codePoint <= 126)
  );
}

/** Appends the pieces of a word of `characters` characters, each the longest that the vocabulary has there. */
function appendPieces(ids: number[], word: string, characters: number): void {
  vocabulary ??= readVocabulary();
  const whole = vocabulary.beginnings.ids.get(word);
  if (whole !== undefined) {
    ids.push(whole);
    return;
  }
  if (characters > LONGEST_WORD) return;
  const known = ids.length;
  let tokens = vocabulary.beginnings;
  for (let at = 0; at < word.length; ) {
    // Counted in code units: the tokens lie in the Basic Multilingual Plane, so that a split pair matches none.
    let end = Math.min(word.length, at + tokens.longest);
    let id = tokens.ids.get(word.slice(at, end));
    while (id === undefined && end > at + 1) {
      end--;
      id = tokens.ids.get(word.slice(at, end));
    }
    if (id === undefined) {
      ids.length = known;
      return;
    }
    ids.push(id);
    at = end;
    tokens = vocabulary.continuations;
  }
}

function readVocabulary(): Vocabulary {
  const beginnings = new Map<string, number>();
  const continuations = new Map<string, number>();
  for (const [id, token] of VOCABULARY.split("\n").entries()) {
    if (token.startsWith("##") && token.length > 2) continuations.set(token.slice(2), id);
    else beginnings.set(token, id);
  }
  return { beginnings: tokensOf(beginnings), continuations: tokensOf(continuations) };
}

function tokensOf(ids: ReadonlyMap<string, number>): Tokens {
  let longest = 0;
  for (const letters of ids.keys()) longest = Math.max(longest, letters.length);
  return { ids, longest };
}
