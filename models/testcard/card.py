"""Draws card.pdf: seven pages of A4, all six marks on the first one and then each of them as large as it fits.

    pip install fpdf2 -e .
    python models/testcard/card.py [FOLDER]

The same bytes come out each time.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF

from edged.adapters.cameras.marks import FRAME_INSIDE, MARKS, Outline

WIDTH, HEIGHT = 210, 297
"""A4 in millimetres."""
LARGE, SMALL = 86.0, 40.0
"""Half the side of a frame in millimetres."""
COLUMNS = 2
INK, WHITE = 0, 255
HOW = "Print at 100 % on white matt paper. Keep the sheet flat and the white rim around the frame free."
_SQUARE: Outline = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def main(folder: Path) -> None:
    """Writes card.pdf into the folder."""
    pdf = FPDF(unit="mm", format="A4")
    pdf.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
    pdf.set_title("edged test card")
    pdf.set_auto_page_break(auto=False)
    _overview(pdf)
    for mark in MARKS:
        pdf.add_page()
        _card(pdf, mark, (WIDTH / 2, 128), LARGE)
        _text(pdf, 252, 16, mark)
        _text(pdf, 266, 9, HOW)
        _text(pdf, 272, 9, f"edged reports the label {mark} and the box of the frame's outer edge.")
    pdf.output(str(folder / "card.pdf"))


def _overview(pdf: FPDF) -> None:
    pdf.add_page()
    pitch_x, pitch_y = WIDTH / COLUMNS, 94
    for place, mark in enumerate(MARKS):
        row, column = divmod(place, COLUMNS)
        _card(pdf, mark, (pitch_x * (column + 0.5), pitch_y * (row + 0.5) + 2), SMALL)
    _text(pdf, 290, 8, f"edged test card: {', '.join(MARKS)}. {HOW}")


def _card(pdf: FPDF, mark: str, middle: tuple[float, float], half: float) -> None:
    """The frame and its mark; the white paper around it is the sheet's own."""
    for outline, grey in ((_SQUARE, INK), (_scaled(_SQUARE, FRAME_INSIDE), WHITE), (MARKS[mark], INK)):
        pdf.set_fill_color(grey)
        pdf.polygon([(middle[0] + half * x, middle[1] + half * y) for x, y in outline], style="F")


def _scaled(outline: Outline, factor: float) -> Outline:
    return tuple((factor * x, factor * y) for x, y in outline)


def _text(pdf: FPDF, y: float, points: float, text: str) -> None:
    pdf.set_font("Helvetica", size=points)
    pdf.text((WIDTH - pdf.get_string_width(text)) / 2, y, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
