"""What every test looks at besides its own subject: answers that are whole, ids that are told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema

from gateway.web.fields import Strict

SHOWN_SOMETIMES = {"early_settlement", "secret"}
"""Fields of answers that only some requests show: that of one loan, that which made a webhook endpoint."""


def whole(schema: Strict, row: Any, **options: Any) -> Any:
    """What an answer shows, after checking that it shows each of its fields.

    A key that a view misspells would be left out without a word.
    """
    shown = Schema.dump(schema, row, **options)
    if isinstance(shown, dict) and len(shown) < len(schema.dump_fields):
        missing = schema.dump_fields.keys() - shown.keys() - SHOWN_SOMETIMES
        assert not missing, f"{type(schema).__name__} without {sorted(missing)}"
    return shown


_KNOWN = (
    "cap chk clk cns col cpl crc cred ctr cwd dec dp ent era evt exp fpr hrv icr inv ivc lim lmv loan lst mem mer ms "
    "msg mse mss mys opr out pac pay pk po prc rcd red ret rec rei rfd rpm rpy scr sec ses shp sln stl stp stt sub tok "
    "tst we wha whd whs "
)
PREFIXES = frozenset(_KNOWN.split())
"""Those of all ids: merchants tell ids apart by them."""


def with_known_prefix(new_id: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
    def checked(tx: Any, prefix: str) -> str:
        assert prefix in PREFIXES, f"an id begins with {prefix}: add it to the known ones"
        return new_id(tx, prefix)

    return checked
