"""Text out of a foreign file, made fit for terminals, logs and payloads."""


def printable(text: str) -> str:
    """The text on one line: any space is a plain one, and what cannot be printed, such as ESC, is U+FFFD."""
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"
