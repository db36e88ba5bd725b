"""One process that serves one configuration after another: it reads the file again when it is told to."""

import gc
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from edged.adapters.system.tpulock import TpuLock
from edged.compose.blueprint import Blueprint, draw
from edged.compose.examine import Verdict, judge
from edged.config.findings import Finding
from edged.daemon.answer import Answer, Reply
from edged.daemon.daemon import MARGIN_S, STOP_TIMEOUT_S, Daemon
from edged.daemon.reactor import Reactor
from edged.daemon.settling import Owner
from edged.daemon.statusline import Standing
from edged.domain.errors import EdgedError, ExitCode, StorageError
from edged.ports import ServiceManager

log = logging.getLogger(__name__)
REFUSED_FIX = "correct it, then reload again; `edged check` shows every mistake"
RULES_ONLY = "reloaded: the new rules count from now on, nothing was restarted"
NOTHING = "reloaded: nothing has changed"
REBUILT = "reloaded: started again with the new configuration"
OLD_GOES_ON = "refused: the configuration before it goes on"
KILL_S = 2.0
"""What the end of one child may take: its device may keep it in the kernel."""
Assemble: TypeAlias = Callable[[Blueprint, Owner], Daemon]


class Service:
    """Runs daemons, the next when the last one has ended; one at a time, in one loop.

    A configuration that turns out not to work before each of its cameras had a frame judged is given up, and
    the one before it runs again.
    """

    def __init__(
        self,
        first: Blueprint,
        *,
        file: Path,
        environ: Mapping[str, str],
        reactor: Reactor,
        lock: TpuLock,
        manager: ServiceManager,
        assemble: Assemble,
    ) -> None:
        self._file = file
        self._environ = environ
        self._reactor = reactor
        self._lock = lock
        self._manager = manager
        self._assemble = assemble
        self._daemon: Daemon
        self._first = self._now = first
        self._next: Blueprint | None = first
        self._before: Blueprint | None = None
        """What ran before, until what runs now has worked."""
        self._failure: EdgedError | None = None
        """Why the last one was given up: what the next daemon has to tell."""
        self._pending: Answer | None = None
        """What those who wait hear once the next daemon has settled."""
        self._asked: list[Reply] = []
        self._owed: list[Reply] = []
        self._busy = self._stopping = False

    def run(self) -> None:
        """Serves until every source has ended or `stop`; raises what makes it impossible. Main thread only."""
        try:
            while blueprint := self._take_next():
                self._serve(blueprint)
        except EdgedError as error:
            self._answer(Answer(error.exit_code, f"the daemon ends: {error}"))
            raise
        finally:
            self._manager.stopping()
            self._owed += self._asked
            ended = Answer(ExitCode.TRY_AGAIN, "the daemon has ended")
            self._answer(ended if self._stopping else self._pending or ended)

    def stop(self) -> None:
        """Asks for the end; for signal handlers and other threads."""
        self._stopping = True
        self._reactor.call_from_thread(self._reactor.stop)

    def reload_soon(self) -> None:
        """Asks for a reload whose outcome is in the log; for signal handlers and other threads."""
        self._reactor.call_from_thread(lambda: self.reload(lambda _: None))

    def reload(self, reply: Reply) -> None:
        """Reads the configuration again; `reply` hears whether it runs. What was asked meanwhile comes after that."""
        self._asked.append(reply)
        if not self._busy:
            self._begin()

    def snapshot(self, camera: str, reply: Reply) -> None:
        """Has a picture made; none while one daemon follows another."""
        if self._next or self._stopping:
            reply(Answer(ExitCode.TRY_AGAIN, "the configuration is being changed"))
        else:
            self._daemon.snapshot(camera, reply)

    def daemon_settled(self, *, works: bool, standing: Standing) -> None:
        """Answers those who wait for the outcome of a change; from `works` on there is no way back."""
        if works:
            self._before = None
            self._release_unwanted()
        if self._pending:
            online = f"{standing.online} of {standing.cameras} cameras online"
            pending, self._pending = self._pending, None
            if not pending.exit_code:
                self._daemon.reloaded(f"{REBUILT}; {online}")
            self._done(Answer(pending.exit_code, f"{pending.text}; {online}"))

    def daemon_ends(self, error: EdgedError | None) -> None:
        """Tells the service manager whether this is the end."""
        if not self._stopping and (self._next or (error and self._before)):
            self._manager.reloading()
            self._manager.status("changing to another configuration")
        else:
            self._manager.stopping()
        children = len(self._now.cameras) + len(self._now.accelerators)
        self._manager.patience(STOP_TIMEOUT_S + MARGIN_S + KILL_S * children)

    def _take_next(self) -> Blueprint | None:
        blueprint, self._next = self._next, None
        return None if self._stopping else blueprint

    def _serve(self, blueprint: Blueprint) -> None:
        self._now = blueprint
        self._manager.alive()
        try:
            self._daemon = self._assemble(blueprint, self)
            self._tell_failure()
            if blueprint is not self._first:
                gc.collect()  # the last daemon is a cycle, in which paho keeps two sockets open
            self._daemon.run(lambda listener: blueprint.pipeline(self._reactor, listener))
        except EdgedError as error:
            if self._before is None or self._stopping:
                raise
            self._go_back(self._before, error)
        self._manager.alive()
        if self._next and self._daemon.delivers:  # two threads at one outbox would number their events alike
            raise StorageError("the thread that stores and sends does not end", "look at the disk")

    def _tell_failure(self) -> None:
        if self._failure:
            self._daemon.refused(self._failure.what, self._failure.fix)
            self._failure = None

    def _go_back(self, before: Blueprint, error: EdgedError) -> None:
        log.warning("%s (%s)", OLD_GOES_ON, error)
        _adopt_level(self._now, before)
        self._next, self._before = before, None
        self._busy = True
        self._pending = Answer(error.exit_code, f"{error}\n{OLD_GOES_ON}")
        self._failure = error

    def _begin(self) -> None:
        self._busy = True
        self._owed, self._asked = self._asked, []
        self._manager.reloading()
        threading.Thread(target=self._examine, name="reload", daemon=True).start()

    def _examine(self) -> None:
        """In a thread of its own: reading models takes its time, and frames go on meanwhile."""
        try:
            verdict = judge(self._file, self._environ)
        except Exception as error:  # a bug in reading a file must not end the daemon
            log.exception("the configuration could not be examined")
            verdict = Verdict([Finding(str(self._file), 0, 0, "", f"bug: {error!r}")], (), ExitCode.BUG)
        self._reactor.call_from_thread(lambda: self._examined(verdict))

    def _examined(self, verdict: Verdict) -> None:
        loaded, errors = verdict.loaded, [*verdict.errors]
        if loaded and not errors:
            errors += self._now.immovable(loaded)
        if errors or not loaded:
            first = f"{errors[0]}" + (f" (and {len(errors) - 1} more)" if errors[1:] else "")
            code = verdict.exit_code or ExitCode.CONFIGURATION
            self._refuse(code, [*map(str, errors)], first, REFUSED_FIX)
            return
        to_broker = self._now.broker is not None
        try:
            new = draw(loaded, verdict.bundles, self._environ, self._lock, to_broker=to_broker)
            if not new.runs_on_the_same(self._now):
                self._examine_change(new)
        except EdgedError as error:
            self._refuse(error.exit_code, [str(error)], error.what, error.fix)
        else:
            self._take(new, verdict.lines())

    def _examine_change(self, new: Blueprint) -> None:
        """Whether a change that ends this daemon may be made; raises why not."""
        if self._daemon.holds_events:
            raise StorageError(
                "events wait in memory, since the disk refuses them: another start would lose them",
                "make room on the disk, then reload again",
            )
        self._assemble(new, self)  # raises for certificates with which no connection can be made

    def _take(self, new: Blueprint, warnings: Sequence[str]) -> None:
        old, self._now = self._now, new
        _adopt_level(old, new)
        if not new.runs_on_the_same(old):
            self._next, self._before = new, self._before or old
            self._pending = Answer.of_lines(ExitCode.OK, [*warnings, REBUILT])
            self._reactor.stop()
            return
        text = NOTHING if new == old else RULES_ONLY
        self._daemon.adopt(new.rules)
        self._daemon.reloaded(text)
        self._manager.ready()
        self._done(Answer.of_lines(ExitCode.OK, [*warnings, text]))

    def _refuse(self, code: ExitCode, lines: list[str], what: str, fix: str) -> None:
        self._release_unwanted()
        self._daemon.refused(what, fix)
        self._manager.ready()
        self._done(Answer.of_lines(code, [*lines, OLD_GOES_ON]))

    def _done(self, answer: Answer) -> None:
        for line in answer.text.splitlines():
            log.log(logging.WARNING if answer.exit_code else logging.INFO, "%s", line)
        self._answer(answer)
        self._busy = False
        if self._asked:
            self._begin()

    def _answer(self, answer: Answer) -> None:
        owed, self._owed = self._owed, []
        for reply in owed:
            reply(answer)

    def _release_unwanted(self) -> None:
        """Lets others have the Edge TPUs where neither what runs nor what may run again uses one."""
        if not any(each and each.wants_tpu for each in (self._now, self._before)):
            self._lock.release()


def _adopt_level(old: Blueprint, new: Blueprint) -> None:
    level = new.settings.log_level
    if level != old.settings.log_level:
        logging.getLogger().setLevel(level.upper())
