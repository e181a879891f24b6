"""Conditional requests: whether a client has already what it asks for (RFC 9110, 13.1.2)."""

from __future__ import annotations

import re

from starlette.requests import Request

from runtime.serve.parameters import Parameter

IF_NONE_MATCH = Parameter("If-None-Match", "string", "ETags of what the client has, or *")
# one member of the list, which may be empty; a comma may stand inside a tag
_MEMBER = re.compile(r'[ \t]*+(?:(?:W/)?("[\x21\x23-\x7e\x80-\xff]*+")[ \t]*+)?(?:,|$)')


def has_already(request: Request, tag: str) -> bool:
    """Say whether If-None-Match names ``tag``, a strong ETag, or ``*``.

    Weak tags count too, as they do for this header. Of a list that is none nothing counts: the
    client gets the whole reply, which is never wrong.
    """
    given = ",".join(request.headers.getlist("if-none-match"))
    if given.strip(" \t") == "*":
        return True
    tags: list[str] = []
    place = 0
    while place < len(given):
        member = _MEMBER.match(given, place)
        if member is None:
            return False
        tags.append(member[1])
        place = member.end()
    return tag in tags
