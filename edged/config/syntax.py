"""A YAML parser's complaints in a technician's words."""

import re
from dataclasses import dataclass

from edged.config.findings import Finding, Place
from edged.config.hidden import is_secret, masked

NOT_PLAIN = ("the value is not plain text", "put it in single quotes")
"""What is said of a value that may not be shown."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the parser says; lines and columns count from 1, `opened` is where the broken thing began."""

    problem: str
    context: str
    place: Place
    opened: Place
    lines: tuple[str, ...]

    def line(self, number: int) -> str:
        """The text of a line, empty beyond the ends."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def explain(complaint: Complaint) -> Finding:
    """The finding that says what to change, at the place where to change it."""
    for rule in (_tab, _unclosed, _missing_space, _missing_colon, _indentation):
        finding = rule(complaint)
        if finding:
            return finding
    hidden = _is_hidden(complaint, complaint.place.line)
    for pattern, message, suggestion in _PLAIN_WORDS:
        match = re.search(pattern, complaint.problem) or re.search(pattern, complaint.context)
        if match and not (hidden and match.groups()):
            return Finding.at(
                complaint.place, "", match.expand(message), match.expand(suggestion) if suggestion else ""
            )
    if hidden:
        return Finding.at(complaint.place, "", *NOT_PLAIN)
    return Finding.at(complaint.place, "", f"this is not valid YAML: {complaint.problem}")


_PLAIN_WORDS = (
    (
        r"^mapping values are not allowed",
        "a second colon in the same line",
        "put text that contains ': ' in quotes, or start a new line",
    ),
    (
        r"^sequence entries are not allowed",
        "a list item '-' cannot follow on the same line as its key",
        "start a new line before '-'",
    ),
    (
        r"^block sequence entries are not allowed",
        "a list item '-' does not fit here",
        "start a new line before '-'",
    ),
    (
        r"^found character '(.+)' that cannot start",
        r"a value cannot start with \1",
        "put the value in quotes",
    ),
    (
        r"^found undefined alias '?([^']+)'?",
        r"*\1 refers to &\1, which is not defined above",
        r"put it in quotes if it is text: '*\1'",
    ),
    (
        r"^found duplicate anchor '?([^';]+)'?",
        r"the anchor &\1 is defined twice",
        "give one of them another name",
    ),
    (
        r"^found unknown escape character '(.+)'",
        r"\\\1 means nothing inside double quotes",
        "use single quotes",
    ),
    (
        r"^expected alphabetic or numeric",
        "'*' and '&' need a name after them",
        "put the value in quotes if it is text",
    ),
    (
        r"^but found another document",
        "a second document starts here",
        "remove the line '---': one file holds one document",
    ),
    (r"^expected the node content", "a value is missing or starts with a wrong sign", "put text in quotes"),
)


def _tab(complaint: Complaint) -> Finding | None:
    last = complaint.place.line + 1
    for number, line in enumerate(complaint.lines[:last], start=1):
        match = re.match(r" *\t", line)
        if match and line.strip():
            return Finding.at(
                Place(complaint.place.file, number, match.end()),
                "",
                "a tab character is used for indentation",
                "YAML wants spaces: replace the tab by two spaces",
            )
    return None


def _unclosed(complaint: Complaint) -> Finding | None:
    if "quoted scalar" in complaint.context and "end of stream" in complaint.problem:
        quote = complaint.line(complaint.opened.line)[complaint.opened.column - 1 :][:1]
        return Finding.at(
            complaint.opened, "", f"the quote {quote} opened here is never closed", f"add {quote}"
        )
    match = re.match(r"expected ',' or '([\]}])'", complaint.problem)
    if not match:
        return None
    closing = match.group(1)
    opening = "[" if closing == "]" else "{"
    return Finding.at(
        complaint.opened,
        "",
        f"the '{opening}' opened here is not closed properly, see line {complaint.place.line}",
        f"put ',' between the items and '{closing}' at the end",
    )


def _missing_space(complaint: Complaint) -> Finding | None:
    """`host:broker`, which YAML reads as text."""
    if not _is_about_colons(complaint):
        return None
    for number in (complaint.opened.line, complaint.place.line, complaint.place.line - 1):
        match = re.match(r"\s*(?:- )?([\w-]+):([^\s/:].*)", complaint.line(number))
        if match:
            value = "..." if _is_hidden(complaint, number) else masked(_short(match.group(2)))
            return Finding.at(
                Place(complaint.place.file, number, match.end(1) + 1),
                match.group(1),
                "a space is missing after the colon",
                f"write {match.group(1)}: {value}",
            )
    return None


def _missing_colon(complaint: Complaint) -> Finding | None:
    """`host broker`, which YAML reads as text that goes on in the next line."""
    if not _is_about_colons(complaint):
        return None
    for number in (complaint.opened.line, complaint.place.line - 1):
        line = complaint.line(number)
        if re.match(r"\s*[^\s:#-][^:]*$", line):
            return Finding.at(
                Place(complaint.place.file, number, _indent(line) + 1),
                "",
                "this line has no colon",
                "write `key: value`, with a space after the colon",
            )
    return None


def _is_about_colons(complaint: Complaint) -> bool:
    return complaint.problem.startswith(("mapping values are not allowed", "could not find expected ':'"))


def _is_hidden(complaint: Complaint, number: int) -> bool:
    """Whether a line may hold a secret: by a key in it, or by one in the line above whose value goes on here."""
    line, above = complaint.line(number), _above(complaint, number)
    goes_on = _indent(line) > _indent(above) or line.lstrip().startswith("-")
    return is_secret((line,)) or (goes_on and is_secret((above,)))


def _short(value: str) -> str:
    return value if len(value) <= 30 else "..."  # noqa: PLR2004  as much as fits beside the message


def _indentation(complaint: Complaint) -> Finding | None:
    """A line that is indented otherwise than its neighbours."""
    line = complaint.line(complaint.place.line)
    column, above = _indent(line) + 1, _indent(_above(complaint, complaint.place.line)) + 1
    if complaint.problem.startswith("expected <block end>"):
        if complaint.place.column != column:
            return _left_over(complaint)
        if column in {above, complaint.opened.column}:
            return Finding.at(
                complaint.place,
                "",
                "this does not fit below the lines above",
                "a section holds either `key: value` lines or `- item` lines",
            )
    elif not complaint.problem.startswith("mapping values are not allowed") or column <= above:
        return None
    fitting = " or ".join(str(each) for each in sorted({above, min(above, complaint.opened.column)}))
    return Finding.at(
        Place(complaint.place.file, complaint.place.line, column),
        "",
        f"wrong indentation: this line starts in column {column}, the lines above in column {fitting}",
        "lines of one section start in the same column",
    )


def _left_over(complaint: Complaint) -> Finding:
    """Something behind a value that had already ended."""
    return Finding.at(
        complaint.place,
        "",
        "something is left over after the end of the value",
        "a quote inside quoted text is written twice: 'it''s'",
    )


def _above(complaint: Complaint, number: int) -> str:
    """The nearest line above that says something."""
    lines = complaint.lines[: number - 1]
    return next((line for line in reversed(lines) if line.split("#")[0].strip()), "")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
