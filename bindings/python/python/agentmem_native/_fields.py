"""The fields of what calls give back, as the module `dataclasses` asks for them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import Any


@functools.cache
def fields_of(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """Gives what a frozen dataclass with the same constructor has."""
    members = [
        (
            parameter.name,
            Any,
            dataclasses.field()
            if parameter.default is parameter.empty
            else dataclasses.field(default=parameter.default),
        )
        for parameter in inspect.signature(cls).parameters.values()
    ]
    made: Any = dataclasses.make_dataclass(cls.__name__, members, frozen=True)
    fields: dict[str, dataclasses.Field[Any]] = made.__dataclass_fields__
    return fields
