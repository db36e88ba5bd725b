"""The reference of all configuration keys as Markdown tables; made from the settings."""

import json
from collections.abc import Iterator

from edged.config.sample import branches, entry_of, unwrap
from edged.config.schema import Schema
from edged.config.settings import Settings
from edged.config.wording import expected

HEAD = """\
# Configuration

Made by `tools/generate.py` from the settings: do not edit. `configs/full.yaml` shows every key in place,
`edged check FILE` says what is wrong with a file.

Later ones win: the defaults, the file, `conf.d/*.yaml` beside it in alphabetical order, the environment
(`EDGED_MQTT__HOST` is `mqtt.host`). Sections merge key by key, lists are replaced as a whole.
Relative paths start at the folder of the main file.
"""


def reference() -> str:
    """The whole page."""
    root = Settings.model_json_schema()
    return HEAD + "".join(_tables(root, root, "Top level"))


def _tables(root: Schema, section: Schema, title: str) -> Iterator[str]:
    """The table of a section, then those of the sections in it."""
    rows = [_row(root, section, key, node) for key, node in section["properties"].items()]
    head = "| key | takes | default | meaning |\n|---|---|---|---|\n"
    yield f"\n## {title}\n\n{section.get('description', '')}\n\n{head}" + "".join(rows)
    prefix = "" if title == "Top level" else f"{title.strip('`')}."
    for key, raw in section["properties"].items():
        for branch in branches(root, unwrap(root, raw)[0]):
            yield from _below(root, branch, f"{prefix}{key}")


def _below(root: Schema, section: Schema, path: str) -> Iterator[str]:
    entry = entry_of(root, section)
    kind = section.get("properties", {}).get("type", {}).get("const")
    if entry is not None:
        yield from _tables(root, entry, f"`{path}.<name>`")
    elif kind:
        yield from _tables(root, section, f"`{path}` of type `{kind}`")
    elif "properties" in section:
        yield from _tables(root, section, f"`{path}`")


def _row(root: Schema, section: Schema, key: str, raw: Schema) -> str:
    node, _ = unwrap(root, raw)
    takes = "a section" if branches(root, node) else expected(node)
    default = f"`{json.dumps(node['default'])}`" if "default" in node else ""
    if key in section.get("required", ()):
        default = "required"
    cells = (f"`{key}`", takes, default, raw.get("description", ""))
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"
