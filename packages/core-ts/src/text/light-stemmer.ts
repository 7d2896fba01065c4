// Light stemmers: endings, and in Arabic beginnings, that are cut off by tables.
//
// Sources: `tools/languages/README.md`.

import { ARABIC, HINDI, RUSSIAN } from "./language-tables.js";

/** One step of a stemmer: the first rule that fits is applied, or none. */
export interface Step {
  /** Whether words are cut at their end, or else at their start. */
  readonly atEnd: boolean;
  /** How many characters a rule must leave. */
  readonly least: number;
  /** What is cut off, the longest first, and what stands there instead. */
  readonly rules: readonly (readonly [affix: string, instead: string])[];
}

/** Applies the steps of a stemmer to a folded word. */
export function lightStem(word: string, steps: readonly Step[]): string {
  return steps.reduce(after, word);
}

function after(word: string, { atEnd, least, rules }: Step): string {
  for (const [affix, instead] of rules) {
    if (!(atEnd ? word.endsWith(affix) : word.startsWith(affix))) continue;
    const next = atEnd
      ? word.slice(0, word.length - affix.length) + instead
      : instead + word.slice(affix.length);
    if ([...next].length >= least) return next;
  }
  return word;
}

/** Gives the stem of a word of other than Latin letters, for which its first one chooses the stemmer; or the word. */
export function stemByScript(word: string): string {
  const first = word.charCodeAt(0);
  if (first >= 0x400 && first <= 0x52f) return lightStem(word, RUSSIAN);
  if ((first >= 0x600 && first <= 0x6ff) || (first >= 0x750 && first <= 0x77f))
    return lightStem(word, ARABIC);
  return first >= 0x900 && first <= 0x97f ? lightStem(word, HINDI) : word;
}
