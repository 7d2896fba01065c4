// Characters of Unicode 15.0: their classes, lower case, and normalisation that costs linear time.
//
// The runtime's own classes and case mappings are not asked: they are of whatever Unicode version it was built with.
// Its normalisation is, since that is stable for characters assigned in 15.0 (Unicode Character Encoding Stability
// Policies); `removeUnassigned` comes first.

import * as tables from "./unicode-tables.js";

/** Reads a generated table into rows of `width` numbers: first, last, and the rest as it stands. */
function rows(table: string, width: number): Int32Array {
  const numbers = Int32Array.from(table.split(" "), (word) => Number.parseInt(word, 36));
  let end = 0;
  for (let at = 0; at < numbers.length; at += width) {
    end += numbers[at] ?? 0;
    numbers[at] = end;
    end += numbers[at + 1] ?? 0;
    numbers[at + 1] = end;
  }
  return numbers;
}

/** Finds the row that covers a code point: its place in `numbers`, or -1. */
function rowOf(numbers: Int32Array, width: number, codePoint: number): number {
  let low = 0;
  let high = numbers.length / width;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (codePoint > (numbers[middle * width + 1] ?? 0)) low = middle + 1;
    else high = middle;
  }
  const at = low * width;
  return at < numbers.length && codePoint >= (numbers[at] ?? 0) ? at : -1;
}

/** Makes a membership test; the table is parsed at the first call. */
function classOf(table: string): (codePoint: number) => boolean {
  let numbers: Int32Array | undefined;
  return (codePoint) => {
    numbers ??= rows(table, 2);
    return rowOf(numbers, 2, codePoint) >= 0;
  };
}

/** Tells General_Category Cn. */
export const isUnassigned = /* @__PURE__ */ classOf(tables.UNASSIGNED);
/** Tells General_Category M. */
export const isMark = /* @__PURE__ */ classOf(tables.MARK);
/** Tells General_Category Mn. */
export const isNonspacingMark = /* @__PURE__ */ classOf(tables.NONSPACING_MARK);
/** Tells General_Category C for an assigned character: Cc, Cf, Co, Cs. */
export const isControl = /* @__PURE__ */ classOf(tables.CONTROL);
/** Tells General_Category Zs. */
export const isSpaceSeparator = /* @__PURE__ */ classOf(tables.SPACE_SEPARATOR);
/** Tells White_Space. */
export const isWhiteSpace = /* @__PURE__ */ classOf(tables.WHITE_SPACE);
/** Tells General_Category P. */
export const isPunctuation = /* @__PURE__ */ classOf(tables.PUNCTUATION);
/** Tells what words beyond Latin are made of: General_Category L from U+0370 on, and vowel signs. */
export const isOfWord = /* @__PURE__ */ classOf(tables.WORD);
/** Tells letters and marks of Thai, Lao, Khmer, Myanmar and the Tai alphabets, written without spaces. */
export const isUnspacedAlphabet = /* @__PURE__ */ classOf(tables.UNSPACED_ALPHABET);
const isCased = /* @__PURE__ */ classOf(tables.CASED);
const isCaseIgnorable = /* @__PURE__ */ classOf(tables.CASE_IGNORABLE);

let digits: Int32Array | undefined;

/** Gives the value of a decimal digit of any script but ASCII's; undefined for everything else. */
export function digitValue(codePoint: number): number | undefined {
  digits ??= rows(tables.DIGIT, 2);
  const at = rowOf(digits, 2, codePoint);
  return at < 0 ? undefined : (codePoint - (digits[at] ?? 0)) % 10;
}

/** Tells whether every character is below U+0080. */
export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are ASCII too
  return !/[^\u0000-\u007f]/.test(text);
}

/** Tells whether a text is nothing but White_Space; so is the empty text. */
export function isBlank(text: string): boolean {
  // White_Space lies in the Basic Multilingual Plane: a code unit is enough.
  for (let at = 0; at < text.length; at++) if (!isWhiteSpace(text.charCodeAt(at))) return false;
  return true;
}

/** Removes the characters that Unicode 15.0 leaves unassigned, noncharacters among them. */
export function removeUnassigned(text: string): string {
  if (isAscii(text)) return text;
  let kept = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    if (codePoint > 0x7f && isUnassigned(codePoint)) {
      kept += text.slice(from, at);
      from = next;
    }
    at = next;
  }
  return from === 0 ? text : kept + text.slice(from);
}

let lowerCase: Int32Array | undefined;

function lowerOf(codePoint: number): number {
  lowerCase ??= rows(tables.LOWER_CASE, 4);
  const at = rowOf(lowerCase, 4, codePoint);
  if (at < 0) return codePoint;
  const beyondFirst = codePoint - (lowerCase[at] ?? 0);
  return beyondFirst % (lowerCase[at + 2] ?? 1) === 0
    ? codePoint + (lowerCase[at + 3] ?? 0)
    : codePoint;
}

/**
 * Gives the full lower case of a text, final sigma included, by no locale.
 *
 * Source: the Unicode Standard 15.0, section 3.13, R2, and Final_Sigma of table 3-17; a character that is both
 * Case_Ignorable and Cased is passed over in looking for the neighbour of a sigma, as all implementations do.
 */
export function toLower(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  let lower = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    const mapped = lowerOf(codePoint);
    if (mapped !== codePoint || codePoint === 0x130) {
      lower += text.slice(from, at);
      if (codePoint === 0x130) lower += "i\u0307";
      else if (codePoint === 0x3a3) lower += isFinalSigma(text, at) ? "\u03c2" : "\u03c3";
      else lower += String.fromCodePoint(mapped);
      from = next;
    }
    at = next;
  }
  return lower + text.slice(from);
}

/**
 * Tells whether the sigma at `at` ends a word: a cased letter before it, none behind it.
 *
 * Walks over Case_Ignorable characters only, and a sigma is none: all walks together pass each character twice at most.
 */
function isFinalSigma(text: string, at: number): boolean {
  let before = at;
  let codePoint: number | undefined;
  do {
    codePoint = codePointBefore(text, before);
    before -= codePoint !== undefined && codePoint > 0xffff ? 2 : 1;
  } while (codePoint !== undefined && isCaseIgnorable(codePoint));
  if (codePoint === undefined || !isCased(codePoint)) return false;
  let behind = at + 1;
  do {
    codePoint = text.codePointAt(behind);
    behind += codePoint !== undefined && codePoint > 0xffff ? 2 : 1;
  } while (codePoint !== undefined && isCaseIgnorable(codePoint));
  return codePoint === undefined || !isCased(codePoint);
}

function codePointBefore(text: string, at: number): number | undefined {
  if (at <= 0) return undefined;
  const unit = text.charCodeAt(at - 1);
  if (unit >= 0xdc00 && unit <= 0xdfff && at > 1) {
    const pair = text.codePointAt(at - 2) ?? unit;
    if (pair > 0xffff) return pair;
  }
  return unit;
}

/**
 * Marks in numbers that no language needs: runtimes sort a run of them by insertion, in quadratic time.
 *
 * All characters of a combining class above 0 are marks, and the halfwidth voiced marks become some.
 */
const LONG_MARK_RUN = /[\p{M}\uff9e\uff9f]{32,}/gu;

/** Normalises assigned characters to a form of UAX #15, in linear time. */
export function normalise(form: "NFC" | "NFD" | "NFKC" | "NFKD", text: string): string {
  if (isAscii(text)) return text;
  const decomposition = form === "NFC" || form === "NFD" ? "NFD" : "NFKD";
  return text.replace(LONG_MARK_RUN, (run) => inCanonicalOrder(run, decomposition)).normalize(form);
}

let combiningClasses: Int32Array | undefined;

function combiningClass(codePoint: number): number {
  combiningClasses ??= rows(tables.COMBINING_CLASS, 3);
  const at = rowOf(combiningClasses, 3, codePoint);
  return at < 0 ? 0 : (combiningClasses[at + 2] ?? 0);
}

/** Decomposes a run of marks character by character and sorts it by combining class: an equivalent run, in order. */
function inCanonicalOrder(run: string, form: "NFD" | "NFKD"): string {
  let ordered = "";
  const pending = new Map<number, string>();
  const flush = (): void => {
    for (const combining of [...pending.keys()].sort((a, b) => a - b))
      ordered += pending.get(combining) ?? "";
    pending.clear();
  };
  for (const character of run) {
    for (const mark of character.normalize(form)) {
      const combining = combiningClass(mark.codePointAt(0) ?? 0);
      if (combining === 0) {
        flush();
        ordered += mark;
      } else {
        pending.set(combining, (pending.get(combining) ?? "") + mark);
      }
    }
  }
  flush();
  return ordered;
}
