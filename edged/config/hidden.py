"""What messages never repeat: values behind keys such as `password`, also where the line is mistyped."""

import re

from edged.config.document import Key, Path

_WORDS = "(?:pass?w|passphrase|pwd|secret|token)"
_SECRET = re.compile(_WORDS, re.IGNORECASE)
_BEHIND_A_KEY = re.compile(rf"([\w-]*?{_WORDS}[\w-]*+[:=\s]*+).+", re.IGNORECASE | re.DOTALL)
_IN_AN_ADDRESS = re.compile(r":(?!//)\S+@")
_NAMED = frozenset({"models", "accelerators", "cameras", "labels", "regions", "values", "zones"})
"""The keys below these are names that the reader chose: a camera may be called `secret_door`."""


def is_secret(path: Path) -> bool:
    """Whether a path leads to or through a key whose value is nobody's business."""
    pairs = zip(("", *path), path, strict=False)
    return any(_SECRET.search(str(key)) for parent, key in pairs if parent not in _NAMED)


def masked(text: Key) -> str:
    """The text up to a secret in it: `password:hunter2` is `password:...`, `u:hunter2@host` is `u:...@host`."""
    return _IN_AN_ADDRESS.sub(":...@", _BEHIND_A_KEY.sub(r"\1...", str(text)))
