"""Runs `edged demo` in a terminal and draws what it printed: docs/demo.svg, and the same as text.

`python tools/picture.py [SECONDS]`; needs mosquitto. Only paths of this machine are shortened.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs/demo.svg"
COLUMNS = 112
TITLE = "edged demo"


def demo(seconds: float) -> str:
    """What the demo writes to a terminal in so many seconds, with its escape codes."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "edged", "demo", "--seconds", str(seconds)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=REPOSITORY) as process:
        os.close(theirs)
        chunks: list[bytes] = []
        while chunk := _read(ours):
            chunks.append(chunk)
    os.close(ours)
    if process.returncode:
        sys.exit(process.returncode)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""  # a terminal whose other end has closed


def shortened(output: str) -> str:
    """The output without this machine's folders."""
    return re.sub(r"/tmp/edged-demo-\w+/", ".../", output.replace(f"{REPOSITORY}/", ""))  # noqa: S108  a name, not a file


def draw(output: str) -> tuple[str, str]:
    """The output as an SVG that loads nothing, and as plain text; lines too long for the picture are cut."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, highlight=False)
        for line in ["$ edged demo", *output.partition("What next:")[0].rstrip().splitlines()]:
            console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
        text = console.export_text(clear=False)
        code = re.sub(r"@font-face \{\{.*?\}\}|<!--.*?-->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        svg = console.export_svg(title=TITLE, code_format=code, unique_id="demo")
    return svg, text


def main() -> None:
    """Writes the picture and prints the text."""
    svg, text = draw(shortened(demo(float(sys.argv[1]) if len(sys.argv) > 1 else 8)))
    PICTURE.write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
