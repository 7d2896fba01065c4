// The Snowball English stemmer, known as Porter2, in its release 3.
//
// Source: M. F. Porter, "The English (Porter2) stemming algorithm", Snowball project. `conformance/vectors/stems.json`
// decides what is right.

/** Words that the rules would spoil, and what they become. */
const EXCEPTIONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ["skis", "ski"],
  ["skies", "sky"],
  ["idly", "idl"],
  ["gently", "gentl"],
  ["ugly", "ugli"],
  ["early", "earli"],
  ["only", "onli"],
  ["singly", "singl"],
  ["sky", "sky"],
  ["news", "news"],
  ["howe", "howe"],
  ["atlas", "atlas"],
  ["cosmos", "cosmos"],
  ["bias", "bias"],
  ["andes", "andes"],
]);

/** Beginnings after which R1 starts at once, so that `general` and `generate` keep different stems. */
const REGION_PREFIXES = [
  "arsen",
  "commun",
  "emerg",
  "gener",
  "inter",
  "later",
  "organ",
  "past",
  "univers",
];

/** Words that keep their `ing`, without it. */
const KEEPS_ING = ["even", "cann", "inn", "earr", "herr", "out"];

/** Words that keep their `eed`, without it. */
const KEEPS_EED = ["succ", "proc", "exc"];

// In the three tables that follow a suffix stands before those that it ends with: the first match is the longest.
const STEP_2: readonly (readonly [string, string])[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["biliti", "ble"],
  ["lessli", "less"],
  ["entli", "ent"],
  ["ousli", "ous"],
  ["fulli", "ful"],
  ["abli", "able"],
  ["alli", "al"],
  ["bli", "ble"],
  ["li", ""],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["alism", "al"],
  ["ogist", "og"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["ator", "ate"],
  ["ogi", "og"],
];

const STEP_3: readonly (readonly [string, string])[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["alize", "al"],
  ["icate", "ic"],
  ["iciti", "ic"],
  ["ative", ""],
  ["ical", "ic"],
  ["ness", ""],
  ["ful", ""],
];

const STEP_4 = [
  "ement",
  "ment",
  "ent",
  "ance",
  "ence",
  "able",
  "ible",
  "ant",
  "ate",
  "ive",
  "ize",
  "iti",
  "ism",
  "ion",
  "ous",
  "al",
  "er",
  "ic",
];

/**
 * Stems one lower-case English word.
 *
 * Letters are a-z, digits count as consonants, an apostrophe is part of the word. A word with any other character is
 * returned as it is: the algorithm says nothing about it.
 */
export function stem(word: string): string {
  const exception = EXCEPTIONS.get(word);
  if (exception !== undefined) return exception;
  if (word.length < 3 || !/^[a-z0-9']+$/.test(word)) return word;
  const shrinking = new Word(word);
  shrinking.dropPossessive();
  shrinking.dropPlural();
  shrinking.dropPastAndParticiple();
  shrinking.replaceFinalY();
  shrinking.shortenDoubleSuffix();
  shrinking.shortenSuffix();
  shrinking.dropSuffix();
  shrinking.dropFinalEOrL();
  return shrinking.intoStem();
}

/** Tells a vowel; past either end of a word there is none. */
function isVowel(letter: string | undefined): boolean {
  switch (letter) {
    case "a":
    case "e":
    case "i":
    case "o":
    case "u":
    case "y":
      return true;
    default:
      return false;
  }
}

/** Writes a `y` that acts as a consonant, at the start or after a vowel, as `Y`. */
function markConsonantY(word: string): string {
  // Consumes the vowel with its `y`, so that a `y` already marked counts as a consonant for the next one.
  return word.includes("y") ? word.replace(/(^|[aeiouy])y/g, "$1Y") : word;
}

/** Finds the region behind the first consonant that follows a vowel, at or after `from`. */
function regionAfter(letters: string, from: number): number {
  let vowel = false;
  for (let at = from; at < letters.length; at++) {
    const previous = vowel;
    vowel = isVowel(letters[at]);
    if (previous && !vowel) return at + 1;
  }
  return letters.length;
}

/** A word on its way to its stem; a `y` that acts as a consonant is written `Y`. */
class Word {
  letters: string;
  /** Where the region R1 begins: fixed at the start, it may come to lie behind the end. */
  readonly r1: number;
  /** Where the region R2 begins, likewise. */
  readonly r2: number;

  constructor(word: string) {
    this.letters = markConsonantY(word.startsWith("'") ? word.slice(1) : word);
    const prefix = REGION_PREFIXES.find((beginning) => this.letters.startsWith(beginning));
    this.r1 = prefix === undefined ? regionAfter(this.letters, 0) : prefix.length;
    this.r2 = regionAfter(this.letters, this.r1);
  }

  intoStem(): string {
    return this.letters.replaceAll("Y", "y");
  }

  endsWith(suffix: string): boolean {
    return this.letters.endsWith(suffix);
  }

  /** Gives the length of what stands before `suffix`. */
  before(suffix: string): number {
    return this.letters.length - suffix.length;
  }

  /** Tells whether the first `length` letters contain a vowel. */
  hasVowel(length: number): boolean {
    for (let at = 0; at < length; at++) if (isVowel(this.letters[at])) return true;
    return false;
  }

  /** Tells whether the first `length` letters end in a short syllable. */
  endsShort(length: number): boolean {
    const first = this.letters[length - 3];
    const vowel = this.letters[length - 2];
    const last = this.letters[length - 1];
    if (length > 1 && isVowel(vowel) && !isVowel(last)) {
      if (length === 2) return true;
      if (!isVowel(first) && last !== "w" && last !== "x" && last !== "Y") return true;
    }
    return this.letters.endsWith("past", length);
  }

  /** Replaces the end from `at` on. */
  replaceFrom(at: number, replacement: string): void {
    this.letters = this.letters.slice(0, at) + replacement;
  }

  /** Step 0: `'s'`, `'s` and `'`. */
  dropPossessive(): void {
    const suffix = ["'s'", "'s", "'"].find((ending) => this.endsWith(ending));
    if (suffix !== undefined) this.replaceFrom(this.before(suffix), "");
  }

  /** Step 1a. */
  dropPlural(): void {
    if (this.endsWith("sses")) {
      this.replaceFrom(this.before("es"), "");
    } else if (this.endsWith("ied") || this.endsWith("ies")) {
      const at = this.before("ied");
      this.replaceFrom(at, at > 1 ? "i" : "ie");
    } else if (this.endsWith("s") && !this.endsWith("us") && !this.endsWith("ss")) {
      // The vowel right before the `s` does not count: `gas` and `this` stay, `gaps` loses it.
      const at = this.before("s");
      if (this.hasVowel(at - 1)) this.replaceFrom(at, "");
    }
  }

  /** Step 1b. */
  dropPastAndParticiple(): void {
    const eed = ["eedly", "eed"].find((ending) => this.endsWith(ending));
    if (eed !== undefined) {
      const at = this.before(eed);
      if (at >= this.r1 && !KEEPS_EED.includes(this.letters.slice(0, at)))
        this.replaceFrom(at, "ee");
      return;
    }
    const suffix = ["ingly", "edly", "ing", "ed"].find((ending) => this.endsWith(ending));
    if (suffix === undefined) return;
    const at = this.before(suffix);
    if (suffix === "ing") {
      if (KEEPS_ING.includes(this.letters.slice(0, at))) return;
      if (at === 2 && !isVowel(this.letters[0]) && this.letters[1] === "y") {
        this.replaceFrom(1, "ie"); // dying, lying, tying
        return;
      }
    }
    if (this.hasVowel(at)) {
      this.replaceFrom(at, "");
      this.mendEnd();
    }
  }

  /** Gives an end that lost `ed` or `ing` its `e` back, or drops a doubled consonant. */
  mendEnd(): void {
    const { length } = this.letters;
    const last = this.letters[length - 1];
    if (this.endsWith("at") || this.endsWith("bl") || this.endsWith("iz")) {
      this.letters += "e";
    } else if (
      last !== undefined &&
      last === this.letters[length - 2] &&
      "bdfgmnprt".includes(last)
    ) {
      // `add`, `egg` and `off` end in a double consonant of their own.
      const whole = length === 3 && "aeo".includes(this.letters.charAt(0));
      if (!whole) this.replaceFrom(length - 1, "");
    } else if (this.r1 === length && this.endsShort(length)) {
      this.letters += "e";
    }
  }

  /** Step 1c. */
  replaceFinalY(): void {
    const at = this.before("y");
    const final = this.letters[at];
    if (at > 1 && (final === "y" || final === "Y") && !isVowel(this.letters[at - 1]))
      this.replaceFrom(at, "i");
  }

  /** Step 2. */
  shortenDoubleSuffix(): void {
    const found = STEP_2.find(([ending]) => this.endsWith(ending));
    if (found === undefined) return;
    const [suffix, replacement] = found;
    const at = this.before(suffix);
    let allowed = true;
    if (suffix === "li") allowed = at > 0 && "cdeghkmnrt".includes(this.letters.charAt(at - 1));
    else if (suffix === "ogi") allowed = this.letters[at - 1] === "l";
    if (at >= this.r1 && allowed) this.replaceFrom(at, replacement);
  }

  /** Step 3. */
  shortenSuffix(): void {
    const found = STEP_3.find(([ending]) => this.endsWith(ending));
    if (found === undefined) return;
    const [suffix, replacement] = found;
    const at = this.before(suffix);
    if (at >= this.r1 && (suffix !== "ative" || at >= this.r2)) this.replaceFrom(at, replacement);
  }

  /** Step 4. */
  dropSuffix(): void {
    const suffix = STEP_4.find((ending) => this.endsWith(ending));
    if (suffix === undefined) return;
    const at = this.before(suffix);
    const allowed = suffix !== "ion" || (at > 0 && "st".includes(this.letters.charAt(at - 1)));
    if (at >= this.r2 && allowed) this.replaceFrom(at, "");
  }

  /** Step 5. */
  dropFinalEOrL(): void {
    const at = this.letters.length - 1;
    const last = this.letters[at];
    let drop = false;
    if (last === "e") drop = at >= this.r2 || (at >= this.r1 && !this.endsShort(at));
    else if (last === "l") drop = at >= this.r2 && this.letters[at - 1] === "l";
    if (drop) this.replaceFrom(at, "");
  }
}
