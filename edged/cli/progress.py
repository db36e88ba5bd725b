"""Bars for what is being fetched, on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from edged.adapters.storage.download import Notice
from edged.adapters.storage.download import Progress as Report


@contextmanager
def bars() -> Iterator[tuple[Report, Notice]]:
    """What to tell of each file's bytes, and what prints a line above the bars."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(file=sys.stderr)) as shown:

        def report(name: str, have: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(name, total=total)
            shown.update(tasks[name], completed=have, total=total)

        def notice(text: str) -> None:
            shown.console.print(f"edged: {text}", markup=False, highlight=False, soft_wrap=True)

        yield report, notice
