"""What every test may ask for."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.fakes.edgetpu.fixtures"]
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of third-party models and pictures, which is not part of the repository."""
    folder = (REPOSITORY / os.environ.get("EDGED_TEST_DATA", "../shared")).resolve()
    if not (folder / "models").is_dir():
        pytest.skip(f"no test data: set EDGED_TEST_DATA (looked in {folder})")
    return folder
