"""Writes the files that are made from the settings and from the tables of `model.yaml`: sample, reference, schemas.

`python tools/generate.py` rewrites what is stale and names it; `--check` only names it and exits 1.
"""

import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from edged.config.reference import reference  # noqa: E402  the path above comes first
from edged.config.sample import sample  # noqa: E402  the path above comes first
from edged.config.schema import json_schema  # noqa: E402  the path above comes first
from edged.vision.manifestschema import manifest_schema  # noqa: E402  the path above comes first


def contents() -> dict[Path, str]:
    """What each generated file should hold."""
    return {
        REPOSITORY / "configs/full.yaml": sample(),
        REPOSITORY / "configs/edged.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        REPOSITORY / "configs/model.schema.json": json.dumps(manifest_schema(), indent=2) + "\n",
        REPOSITORY / "docs/configuration.md": reference(),
    }


def stale() -> dict[Path, str]:
    """The files that hold something else, with what they should hold."""
    return {
        path: text
        for path, text in contents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Rewrites or checks; returns the exit code."""
    changed = stale()
    only_check = "--check" in sys.argv[1:]
    for path, text in changed.items():
        print(f"{'stale' if only_check else 'written'}: {path.relative_to(REPOSITORY)}")
        if not only_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if only_check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
