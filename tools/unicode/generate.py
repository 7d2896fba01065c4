"""Writes the character tables of both implementations from one reading of Unicode 15.0.

    python tools/unicode/generate.py            writes the two files
    python tools/unicode/generate.py --check    fails if a committed file differs

Needs the package `unicodedata2==15.0.0`. README.md says where each property comes from.
"""

import sys
import unicodedata
from pathlib import Path

import unicodedata2

PINNED = "15.0.0"
ROOT = Path(__file__).resolve().parents[2]
RUST = ROOT / "crates/agentmem-core/src/text/unicode_tables.rs"
TYPESCRIPT = ROOT / "packages/core-ts/src/text/unicode-tables.ts"
EVERY = range(0x110000)

# PropList.txt of Unicode 15.0. The categories alone do not tell these.
OTHER_LOWERCASE = """00AA 00BA 02B0-02B8 02C0-02C1 02E0-02E4 0345 037A 10FC 1D2C-1D6A 1D78 1D9B-1DBF 2071 207F
    2090-209C 2170-217F 24D0-24E9 2C7C-2C7D A69C-A69D A770 A7F2-A7F4 A7F8-A7F9 AB5C-AB5F AB69 10780 10783-10785
    10787-107B0 107B2-107BA 1E030-1E06D"""
OTHER_UPPERCASE = "2160-216F 24B6-24CF 1F130-1F149 1F150-1F169 1F170-1F189"
WHITE_SPACE = "0009-000D 0020 0085 00A0 1680 2000-200A 2028 2029 202F 205F 3000"
# WordBreakProperty.txt: MidLetter, MidNumLet and Single_Quote, which Case_Ignorable takes in besides categories.
WORD_MIDDLE = "0027 002E 003A 00B7 0387 055F 05F4 2018 2019 2024 2027 FE13 FE52 FE55 FF07 FF0E FF1A"
# PropList.txt: Variation_Selector. They choose a glyph and say nothing.
VARIATION_SELECTOR = "180B-180D 180F FE00-FE0F E0100-E01EF"
# Blocks.txt: Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Myanmar Extended-B, Myanmar Extended-A, Tai Viet.
UNSPACED_BLOCKS = (
    "0E00-0EFF 1000-109F 1780-17FF 1950-19DF 1A20-1AAF A9E0-A9FF AA60-AADF"
)
# What lies below is of the Latin script or common to all.
BEYOND_LATIN = range(0x370, 0x110000)


def parsed(listing):
    """Reads a list of hexadecimal code points and ranges into a set."""
    points = set()
    for item in listing.split():
        first, _, last = item.partition("-")
        points.update(range(int(first, 16), int(last or first, 16) + 1))
    return points


def ranges(points):
    """Folds code points into sorted, inclusive ranges."""
    folded = []
    for point in sorted(points):
        if folded and folded[-1][1] == point - 1:
            folded[-1][1] = point
        else:
            folded.append([point, point])
    return folded


def lower_case(category):
    """Gives the one-to-one lower-case mappings between characters of the pinned version.

    The running Python's own table is newer or a little older than the pinned one. Neither matters: case pairs are
    stable (Unicode Character Encoding Stability Policies), 15.0 added none over 14.0, and a pair that a later version
    completed has an end that 15.0 leaves unassigned.
    """
    if tuple(map(int, unicodedata.unidata_version.split("."))) < (14, 0, 0):
        raise SystemExit("needs a Python that knows Unicode 14.0 (3.11 does)")
    mapping = {}
    for point in EVERY:
        lower = chr(point).lower()
        if (
            len(lower) == 1
            and ord(lower) != point
            and category[point] != "Cn"
            and category[ord(lower)] != "Cn"
        ):
            mapping[point] = ord(lower)
    return mapping


def mapping_runs(mapping):
    """Folds a mapping into runs (first, last, step, delta), the step being 1 or 2."""
    runs = []
    for point, target in sorted(mapping.items()):
        delta = target - point
        if runs:
            first, last, step, run_delta = runs[-1]
            gap = point - last
            if run_delta == delta and (
                gap == step or (first == last and gap in (1, 2))
            ):
                runs[-1] = (first, point, gap, delta)
                continue
        runs.append((point, point, 1, delta))
    return runs


def combining_runs():
    """Folds the combining classes above 0 into runs (first, last, class)."""
    runs = []
    for point in EVERY:
        combining = unicodedata2.combining(chr(point))
        if not combining:
            continue
        if runs and runs[-1][1] == point - 1 and runs[-1][2] == combining:
            runs[-1][1] = point
        else:
            runs.append([point, point, combining])
    return runs


def vowel_signs(category):
    """Gives the marks that are no accent on a letter: vowel signs, viramas and the like.

    Accents, and the points of Hebrew and Arabic, have other combining classes; 84 to 132 are vowels and tones of
    Telugu, Thai, Lao and Tibetan.
    """
    classes = {0, 9, *range(84, 133)}
    return {
        point
        for point in BEYOND_LATIN
        if category[point] in ("Mn", "Mc")
        and unicodedata2.combining(chr(point)) in classes
    } - parsed(VARIATION_SELECTOR)


def digits(category):
    """Gives the decimal digits that stay as they are in NFKC, in whole sets from 0 to 9."""
    points = {
        point
        for point in BEYOND_LATIN
        if category[point] == "Nd"
        and unicodedata2.normalize("NFKC", chr(point)) == chr(point)
    }
    for first, last in ranges(points):
        for point in range(first, last + 1):
            if unicodedata2.decimal(chr(point)) != (point - first) % 10:
                raise SystemExit(f"U+{point:04X} breaks the order of digits")
    return points


def tables():
    """Collects the sets by name, in the order in which they are written."""
    category = [unicodedata2.category(chr(point)) for point in EVERY]

    def of(*names):
        return {point for point in EVERY if category[point] in names}

    letters, marks = of("Lu", "Ll", "Lt", "Lm", "Lo"), of("Mn", "Mc", "Me")
    other_lowercase, other_uppercase = parsed(OTHER_LOWERCASE), parsed(OTHER_UPPERCASE)
    sets = {
        "UNASSIGNED": ("General_Category Cn", of("Cn")),
        "MARK": ("General_Category M: Mn, Mc and Me", marks),
        "NONSPACING_MARK": ("General_Category Mn", of("Mn")),
        "CONTROL": (
            "General_Category C without Cn: Cc, Cf, Co and Cs",
            of("Cc", "Cf", "Co", "Cs"),
        ),
        "SPACE_SEPARATOR": ("General_Category Zs", of("Zs")),
        "WHITE_SPACE": ("White_Space", parsed(WHITE_SPACE)),
        "PUNCTUATION": (
            "General_Category P",
            {p for p in EVERY if category[p][0] == "P"},
        ),
        "CASED": ("Cased", of("Lu", "Ll", "Lt") | other_lowercase | other_uppercase),
        "CASE_IGNORABLE": (
            "Case_Ignorable",
            of("Mn", "Me", "Cf", "Lm", "Sk") | parsed(WORD_MIDDLE),
        ),
        "WORD": (
            "What words beyond Latin are made of: General_Category L, and vowel signs",
            (letters & set(BEYOND_LATIN)) | vowel_signs(category),
        ),
        "UNSPACED_ALPHABET": (
            "General_Category L and M of alphabets that are written without spaces",
            (letters | marks) & parsed(UNSPACED_BLOCKS),
        ),
        "DIGIT": ("General_Category Nd, in sets from 0 to 9", digits(category)),
    }
    return {
        name: (title, ranges(points)) for name, (title, points) in sets.items()
    }, lower_case(category)


def wrapped(items, width, separator):
    """Joins items into lines of at most `width` characters."""
    lines, line = [], ""
    for item in items:
        longer = line + separator + item if line else item
        if len(longer) > width:
            lines.append(line)
            longer = item
        line = longer
    return lines + [line]


def rust(sets, lower):
    out = [
        f"//! Character tables of Unicode {PINNED}. Generated by `tools/unicode/generate.py`: do not edit.",
        "//!",
        "//! Ranges are inclusive, sorted and apart, for binary search.",
        "",
    ]
    for name, (title, table) in sets.items():
        body = wrapped([f"({a:#x},{b:#x})" for a, b in table], 112, ",")
        out += [
            f"/// {title}.",
            "#[rustfmt::skip]",
            f"pub(super) static {name}: &[(u32, u32)] = &[",
        ]
        out += [f"    {line}," for line in body] + ["];", ""]
    body = wrapped(
        [
            f"({a:#x},{b:#x},{step},{delta})"
            for a, b, step, delta in mapping_runs(lower)
        ],
        112,
        ",",
    )
    out += [
        "/// One-to-one lower case: first, last, step, what to add. U+0130 has a mapping of its own (SpecialCasing.txt).",
        "#[rustfmt::skip]",
        "pub(super) static LOWER_CASE: &[(u32, u32, u32, i32)] = &[",
    ]
    out += [f"    {line}," for line in body] + ["];", ""]
    return "\n".join(out)


def base36(number):
    digits, sign, number = "", "-" if number < 0 else "", abs(number)
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return sign + (digits or "0")


def constant(name, rows):
    """Writes rows (first, last, ...) as base-36 numbers: the gap since the row before, last - first, the rest."""
    words, end = [], 0
    for first, last, *rest in rows:
        words.append(
            " ".join(base36(number) for number in (first - end, last - first, *rest))
        )
        end = last
    line = f'export const {name}: string = "{" ".join(words)}";'
    # Where the project's formatter breaks the line: a generated file must pass it unchanged.
    return line if len(line) <= 100 else line.replace(" = ", " =\n  ", 1)


def typescript(sets, lower):
    out = [
        f"// Character tables of Unicode {PINNED}. Generated by `tools/unicode/generate.py`: do not edit.",
        "//",
        "// Each table is a list of base-36 numbers, row after row, by rising code point: the gap since the end of the row",
        "// before, the length less one, and what the table adds to that.",
        "",
    ]
    for name, (title, table) in sets.items():
        out += [f"/** {title}. */", constant(name, table), ""]
    out += [
        "/** One-to-one lower case: and the step, what to add. U+0130 has a mapping of its own (SpecialCasing.txt). */",
        constant("LOWER_CASE", mapping_runs(lower)),
        "",
        "/** Canonical_Combining_Class above 0: and the class. Rust has it from its normalisation crate. */",
        constant("COMBINING_CLASS", combining_runs()),
        "",
    ]
    return "\n".join(out)


def main():
    if unicodedata2.unidata_version != PINNED:
        raise SystemExit(
            f"needs unicodedata2=={PINNED}, found {unicodedata2.unidata_version}"
        )
    sets, lower = tables()
    stale = []
    for path, text in (
        (RUST, rust(sets, lower)),
        (TYPESCRIPT, typescript(sets, lower)),
    ):
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path.relative_to(ROOT).as_posix())
        else:
            path.write_text(text, encoding="utf-8", newline="\n")
    if stale:
        raise SystemExit(
            "differs from what tools/unicode/generate.py writes: " + ", ".join(stale)
        )


if __name__ == "__main__":
    main()
