"""What every test may ask for, and what a skip may mean."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.fakes.edgetpu.fixtures"]
REPOSITORY = Path(__file__).resolve().parent.parent
NOBODY = 65534
HARDWARE = "hardware: "
"""How the reason of a skip begins that no machine without the device can avoid."""
settings.register_profile("edged", deadline=None)  # a slow machine is no fault of the product
settings.load_profile("edged")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of third-party models and pictures, which is not part of the repository."""
    folder = (REPOSITORY / os.environ.get("EDGED_TEST_DATA", "../shared")).resolve()
    if not (folder / "models").is_dir():
        pytest.skip(f"no test data: set EDGED_TEST_DATA (looked in {folder})")
    return folder


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """For the time of a test, a user who may read nothing of ours."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, where everything is installed, only missing hardware may skip a test."""
    del item
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if HARDWARE not in reason:
            report.outcome, report.longrepr = "failed", f"skipped in CI: {reason}"
    return report
