"""Makes vectors/exp2.json: powers of two by the recipe of spec 8.11, and how far they are from the truth.

The truth is Python's decimal arithmetic with 60 digits. `--check` only compares.
"""

from __future__ import annotations

import json
import math
import sys
from decimal import Decimal, localcontext
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "vectors" / "exp2.json"


def exp2(x: float) -> float:
    """8.11."""
    if x < -1000:
        return 0.0
    i = math.floor(x + 0.5)
    t = (x - i) * 0.6931471805599453
    p = 1.0
    for k in range(13, 0, -1):
        p = 1 + (t * p) / k
    return math.ldexp(p, i)


def vector(x: float, why: str) -> dict[str, object]:
    """The double of the recipe, the true value to 25 digits, and the distance in units of the last place.

    Of what is 0 by decree there is no distance.
    """
    value = exp2(x)
    with localcontext() as context:
        context.prec = 60
        true = Decimal(2) ** Decimal(x)
        off = float((Decimal(value) - true) / Decimal(math.ulp(float(true))))
        context.prec = 25
        output = {
            "exp2": value,
            "true": str(+true),
            "ulps": round(off, 3) if value else None,
        }
    if value and abs(off) > 2:
        raise SystemExit(f"2^{x!r} is off by {off} units in the last place")
    return {"input": x, "output": output, "why": why}


def vectors() -> list[dict[str, object]]:
    chosen = [
        (0.0, "now"),
        (-1.0, "one half-life"),
        (-2.0, "two"),
        (-5e-324, "the least age that there is: no time at all"),
        (-1e-17, "too little to be told from now"),
        (-0.5, "the end of the polynomial's range, from above"),
        (math.nextafter(-0.5, -1), "and just beyond it"),
        (math.nextafter(-0.5, 0), "and just before it"),
        (-1.5, "a half again: it goes up"),
        (-1 / 3, "a third"),
        (-52.999999999999, "just above a power"),
        (-999.5, "small, and still a normal double"),
        (-1000.0, "the last that counts"),
        (math.nextafter(-1000, -1001), "and the first that is 0"),
        (-1e300, "very old"),
    ]
    # Seconds of some ages over some half-lives.
    ages = [
        (-(age / half), f"{age} s at a half-life of {half} s")
        for half in (0.001, 3600.0, 86_400.0, 1_209_600.0, 31_557_600.0)
        for age in (
            0.001,
            0.25,
            59.999,
            3600.0,
            100_000.5,
            7_776_000.0,
            253_402_300_799.999,
        )
    ]
    spread = [
        (-(k * 0.6180339887498949 % 1) * 40, "one of many between 0 and 40 half-lives")
        for k in range(1, 61)
    ]
    return [vector(x, why) for x, why in chosen + ages + spread]


def render() -> str:
    lines = ",\n".join(f"    {json.dumps(one)}" for one in vectors())
    return f"""{{
  "format": "1.0",
  "title": "Powers of two",
  "spec": ["8.11"],
  "why": "Recency ranks by them: they must be equal to the last bit. Beside each its true value, and how far it is off in units of the last place.",
  "vectors": [
{lines}
  ]
}}
"""


def main() -> int:
    text = render()
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
    elif TARGET.read_text("utf-8") != text:
        print(f"{TARGET.name} is not what the specification gives", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
