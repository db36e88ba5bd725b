"""Reads files of a web server from any place in them; the one module that speaks HTTP."""

import http.client
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import (
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from edged import __version__
from edged.domain.errors import DeviceUnavailableError
from edged.vision.printable import printable

CHUNK = 1 << 16
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)")
_PARTIAL, _NOT_SATISFIABLE = 206, 416
_MAX_REDIRECTS = 4
_LONGEST_REASON = 100
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same question may be asked again."""


class BrokenOffError(Exception):
    """The other side did not answer, or stopped; asking again may help."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The rest of a file from `start` on; to be closed."""

    chunks: Iterator[bytes]
    """Raises BrokenOffError."""
    close: Callable[[], None]
    start: int
    """0 where the source could not start elsewhere."""
    total: int | None
    """Length of the whole file in bytes, where the source says it."""


class WebMirror:
    """A server that has the repository's files below an address.

    Follows a few redirects, never from https to http, and proxies of the environment. Nothing else is spoken.
    """

    def __init__(self, base: str, *, timeout_s: float) -> None:
        self._base = base.rstrip("/") + "/"
        self._timeout_s = timeout_s
        self._opener = OpenerDirector()
        for kind in _HANDLERS:
            self._opener.add_handler(kind())

    def open(self, path: str, offset: int) -> Opened:
        """The file from `offset` on. Raises BrokenOffError, or DeviceUnavailableError for good."""
        url = self._base + quote(path)
        headers = {"User-Agent": f"edged/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        try:
            response = self._opener.open(Request(url, headers=headers), timeout=self._timeout_s)  # noqa: S310  http and https are all that it can
        except HTTPError as error:
            with error:
                return self._refused(error, path, offset)
        except (OSError, http.client.HTTPException, ValueError) as error:
            _failed(error, url)
        return self._opened(response, path, offset)

    def _refused(self, error: HTTPError, path: str, offset: int) -> Opened:
        if error.code == _NOT_SATISFIABLE and offset:
            _, total = _range(error.headers)
            return Opened(iter(()), error.close, offset, total) if total == offset else self.open(path, 0)
        reason = printable(" ".join(str(error.reason).split()))[:_LONGEST_REASON]
        what = f"{_host(self._base)} answers {error.code} ({reason}) for {path}"
        if error.code in _PASSING:
            raise BrokenOffError(what)
        raise DeviceUnavailableError(what, "check the address, or give another source with --from")

    def _opened(self, response: Any, path: str, offset: int) -> Opened:
        start: int | None = 0
        total: int | None = response.length
        if response.status == _PARTIAL:
            start, total = _range(response.headers)
        if start not in {0, offset}:
            response.close()
            raise DeviceUnavailableError(
                f"{_host(response.url)} sends another part of {path} than was asked for", "use another source"
            )
        return Opened(_chunks(response), response.close, start or 0, total)


class _Redirects(HTTPRedirectHandler):
    """A few, and none that gives up encryption."""

    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """The next request. Raises DeviceUnavailableError where it would leave https."""
        scheme = urlsplit(newurl).scheme
        if scheme not in {"http", "https"} or (req.type == "https" and scheme != "https"):
            fp.close()
            raise DeviceUnavailableError(
                f"{_host(req.full_url)} redirects to {scheme or 'nowhere'}, which is not followed",
                "give another source with --from",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_HANDLERS: tuple[type[BaseHandler], ...] = (
    ProxyHandler,
    HTTPHandler,
    HTTPSHandler,
    _Redirects,
    HTTPErrorProcessor,
    HTTPDefaultErrorHandler,
    UnknownHandler,
)


def _chunks(response: Any) -> Iterator[bytes]:
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BrokenOffError(f"the connection broke off: {_words(error)}") from error


def _range(headers: Message) -> tuple[int | None, int | None]:
    """First byte and length of the whole, as far as an answer tells them."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if not found:
        return None, None
    first, total = (int(digits) if digits else None for digits in found.groups())
    return first, total


def _failed(error: Exception, url: str) -> NoReturn:
    """Raises what an attempt that had no answer means."""
    if isinstance(error, DeviceUnavailableError):
        raise error
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    what = f"{_host(url)} cannot be reached: {_words(reason)}"
    if isinstance(reason, ssl.SSLCertVerificationError):
        raise DeviceUnavailableError(what, "set the clock, or install ca-certificates") from error
    if isinstance(reason, ValueError | http.client.InvalidURL):
        raise DeviceUnavailableError(what, "check the address after --from") from error
    raise BrokenOffError(what) from error


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _host(url: str) -> str:
    """Who was asked, without what else an address may hold."""
    with suppress(ValueError):
        return urlsplit(url).hostname or "the server"
    return "the server"
