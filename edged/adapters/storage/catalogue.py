"""Reads the catalogue of public models that ships with the package."""

import json
from pathlib import Path

from edged.vision.catalogue import Catalogue, catalogue_from_mapping

DATA = Path(__file__).with_name("catalogue.json")
"""Written by tools/catalogue.py."""


def load_catalogue() -> Catalogue:
    """The catalogue, read now."""
    return catalogue_from_mapping(json.loads(DATA.read_text(encoding="utf-8")))
