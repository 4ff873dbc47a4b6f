"""What is asked for in the query of an address.  Functions raise ``HTTPException`` for what is not
allowed.
"""

from __future__ import annotations

import re
from fractions import Fraction

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .played import Settings

MOST_STEPS = 50
MOST_AT_ONCE = 8  # pictures
MOST_PARTS = 16  # in which the time of a frame is divided


def settings_of(request: Request) -> Settings:
    """Those of the restoration."""
    query = request.query_params
    restore, steps = query.get("restore", "1"), query.get("steps", "1")
    if restore not in ("0", "1"):
        raise HTTPException(400, "restore must be 0 or 1")
    if not re.fullmatch(r"[0-9]{1,3}", steps) or not 1 <= int(steps) <= MOST_STEPS:
        raise HTTPException(400, f"steps must be 1..{MOST_STEPS}")
    return Settings(restore == "1", int(steps))


def count_of(request: Request) -> int:
    """How many pictures are wanted in a row."""
    count = request.query_params.get("count", "1")
    if not re.fullmatch("[0-9]{1,2}", count) or not 1 <= int(count) <= MOST_AT_ONCE:
        raise HTTPException(400, f"count must be 1..{MOST_AT_ONCE}")
    return int(count)


def share_of(request: Request) -> Fraction:
    """How far a time lies on the way from a frame to the next."""
    part, parts = (request.query_params.get(name, "") for name in ("part", "parts"))
    whole = re.fullmatch("[0-9]{1,2}/[0-9]{1,2}", f"{part}/{parts}")
    if not whole or not 0 < int(part) < int(parts) <= MOST_PARTS:
        raise HTTPException(400, f"part must be 1 up to below parts, at most {MOST_PARTS}")
    return Fraction(int(part), int(parts))
