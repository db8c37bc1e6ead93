"""An error answer of Airflow's REST API in words: every problem, by field where the server names fields."""

from __future__ import annotations

from typing import Any

import httpx

_LONGEST_TEXT = 2000
_HINTS = {
    401: "the token is missing, wrong or has expired",
    403: "this user may not do that",
    404: "there is no such thing",
}


def describe(method: str, path: str, response: httpx.Response) -> str:
    """`GET /path: 404 …` and below it what the server said, a line each."""
    code = response.status_code
    hint = _HINTS.get(code)
    head = f"Airflow answered {code} to {method} {path}" + (f": {hint}" if hint else "")
    lines = problems(response)
    return "\n".join([head, *(f"  - {line}" for line in lines)])


def problems(response: httpx.Response) -> list[str]:
    """What the body says: FastAPI's `detail` in its forms, or `problems` of the project's own endpoint."""
    try:
        body: Any = response.json()
    except ValueError:
        text = response.text.strip()
        return [text[:_LONGEST_TEXT]] if text and not text.startswith("<") else []
    if not isinstance(body, dict):
        return [str(body)[:_LONGEST_TEXT]]
    found = body.get("problems", body.get("detail", body.get("title")))
    if isinstance(found, dict):
        found = found.get("problems", found.get("reason", found))
    entries = found if isinstance(found, list) else [found]
    return [_line(entry)[:_LONGEST_TEXT] for entry in entries if entry is not None]


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry).strip()
    where = entry.get("field")
    if where is None:
        where = ".".join(str(part) for part in entry.get("loc", ()) if part != "body")
    message = entry.get("message", entry.get("msg", entry))
    return f"{where}: {message}" if where else str(message)
