"""A tree of values that remembers where each of them was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from edged.config.findings import Place

Key: TypeAlias = str | int
Path: TypeAlias = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value: a scalar, or the children of a mapping (by key) or of a list (by index)."""

    kind: Literal["scalar", "mapping", "list"]
    place: Place
    """Where the value starts."""
    key: Place
    """Where the key before it starts; the value's own place in a list and at the top."""
    value: object = None
    text: str = ""
    """A scalar as it was written, without its quotes."""
    children: Mapping[Key, "Node"] = field(default_factory=dict)

    def data(self) -> object:
        """The plain value: dict, list, str, int, float, bool or None."""
        if self.kind == "mapping":
            return {key: child.data() for key, child in self.children.items()}
        if self.kind == "list":
            return [child.data() for child in self.children.values()]
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: a mapping at the top, and the place of everything in it."""

    root: Node

    @property
    def data(self) -> dict[str, object]:
        """The values, freshly built."""
        data = self.root.data()
        return data if isinstance(data, dict) else {}

    def find(self, path: Path) -> Node | None:
        """The node under exactly this path."""
        node: Node | None = self.root
        for key in path:
            node = node.children.get(key) if node else None
        return node

    def deepest(self, path: Path) -> tuple[Node, bool]:
        """The deepest node on this path, and whether it is the path's end."""
        node = self.root
        for key in path:
            if key not in node.children:
                return node, False
            node = node.children[key]
        return node, True

    def place(self, path: Path) -> Place:
        """Where the value is; the key of the deepest section above it where it does not exist."""
        node, exact = self.deepest(path)
        return node.place if exact else node.key

    def place_key(self, path: Path) -> Place:
        """Where the key is, or that of the deepest section above it."""
        return self.deepest(path)[0].key

    def where(self, path: Path) -> str:
        """`FILE:LINE:COL` of the value, or of the key of the deepest existing section above it."""
        return str(self.place(path))


def merge(lower: Document, upper: Document) -> Document:
    """Mappings merge key by key; anything else in `upper` replaces what `lower` has."""
    return Document(_merge(lower.root, upper.root))


def _merge(lower: Node, upper: Node) -> Node:
    if lower.kind != "mapping" or upper.kind != "mapping":
        return upper
    children = dict(lower.children)
    for key, child in upper.children.items():
        children[key] = _merge(children[key], child) if key in children else child
    return replace(lower, children=children)


def grow(path: Path, leaf: Node) -> Node:
    """The sections above a node, so that it comes to lie under `path`."""
    for key in reversed(path):
        leaf = Node("mapping", leaf.place, leaf.place, children={key: leaf})
    return leaf


def moved(node: Node, place: Place) -> Node:
    """The same values, all at one place."""
    children = {key: moved(child, place) for key, child in node.children.items()}
    return replace(node, place=place, key=place, children=children)
