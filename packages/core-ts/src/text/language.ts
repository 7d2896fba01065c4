// What language a text in Latin letters is in, as its function words and letters tell.

import { FRENCH, FUNCTION_WORDS, GERMAN, LETTERS, SPANISH } from "./language-tables.js";
import { lightStem } from "./light-stemmer.js";
import { stem } from "./stemmer.js";
import { STOP_WORDS } from "./stop-words.js";

/** A language other than English whose endings are known. */
export type Language = "german" | "spanish" | "french";

const IN_ORDER: readonly Language[] = ["german", "spanish", "french"];
const STEPS = { german: GERMAN, spanish: SPANISH, french: FRENCH };
/** What an English stop word weighs: as much as a function word of the others that says nothing else. */
const STOP_WORD = 2;
/** By how much a language must outweigh English. */
const MARGIN = 2;

/**
 * Gives the term that a word of a-z0-9 has as one of a language.
 *
 * The English stemmer comes last, as with all words of a-z0-9: a base form that stands alone, in a text that is told by
 * nothing, has the same term.
 */
export function termIn(language: Language, word: string): string {
  return stem(lightStem(word, STEPS[language]));
}

/** What a word weighs for German, Spanish and French, in this order, and whether it is an English stop word. */
export interface Weights {
  readonly foreign: readonly number[];
  readonly isStopWord: boolean;
}

const WEIGHTS: ReadonlyMap<string, Weights> = /* @__PURE__ */ weightsOf();
const LETTER_WEIGHTS: ReadonlyMap<string, readonly number[]> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ LETTERS.map(([letter, ...foreign]) => [letter, foreign]),
);

function weightsOf(): Map<string, Weights> {
  const weights = new Map<string, Weights>();
  for (const word of STOP_WORDS) weights.set(word, { foreign: [0, 0, 0], isStopWord: true });
  for (const [word, ...foreign] of FUNCTION_WORDS)
    weights.set(word, { foreign, isStopWord: STOP_WORDS.has(word) });
  return weights;
}

/** Looks up a word in lower case, before stemming: undefined unless it is a function word of some language. */
export function weights(word: string): Weights | undefined {
  return WEIGHTS.get(word);
}

/** What a text shows of its language, added up. */
export class Signs {
  #english = 0;
  readonly #foreign = [0, 0, 0];
  readonly #letters = [0, 0, 0];

  /** Counts a function word. */
  addWord({ foreign, isStopWord }: Weights): void {
    if (isStopWord) this.#english += STOP_WORD;
    foreign.forEach((weight, place) => {
      this.#foreign[place] = (this.#foreign[place] ?? 0) + weight;
    });
  }

  /** Notes a character in lower case: of each language the letter that says most counts, once in a text. */
  addLetter(character: string): void {
    LETTER_WEIGHTS.get(character)?.forEach((weight, place) => {
      this.#letters[place] = Math.max(weight, this.#letters[place] ?? 0);
    });
  }

  /** Gives the language that weighs most, if it outweighs English; of equals the first. */
  language(): Language | undefined {
    let best: Language | undefined;
    let least = this.#english + MARGIN;
    IN_ORDER.forEach((language, place) => {
      const sum = (this.#foreign[place] ?? 0) + (this.#letters[place] ?? 0);
      if (sum < least) return;
      best = language;
      least = sum + 1;
    });
    return best;
  }
}
