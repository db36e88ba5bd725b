"""An error of a child on its way to the parent, as a value that survives JSON."""

from collections.abc import Mapping
from typing import Any

from edged.domain import errors
from edged.domain.errors import ChildDiedError, EdgedError


def error_to_wire(error: EdgedError) -> dict[str, Any]:
    """An error that a child reports before it ends."""
    return {"event": "failed", "kind": type(error).__name__, "what": error.what, "fix": error.fix}


def error_from_wire(data: Mapping[str, Any]) -> EdgedError:
    """The same error in the parent."""
    kind = getattr(errors, data["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, EdgedError)):
        kind = ChildDiedError
    return kind(data["what"], data["fix"])
