"""Everything that can be said about a configuration without starting a process: by `edged check`, and by a reload."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edged.compose.models import examine_models
from edged.compose.wiring import examine_accelerators
from edged.config.files import check_files
from edged.config.findings import Finding, InvalidConfiguration
from edged.config.load import Loaded, load
from edged.config.password import check_password_file
from edged.domain.errors import ExitCode, PermissionDeniedError
from edged.vision.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an examination found, and how a command ends that was asked for it."""

    errors: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    exit_code: ExitCode = ExitCode.OK
    loaded: Loaded | None = None
    """The configuration, where its text could be read and is valid by itself."""
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    """Its models, all of them where there are no errors."""

    def lines(self) -> list[str]:
        """One line for each finding, errors first."""
        return [*map(str, self.errors), *(str(_marked(finding)) for finding in self.warnings)]


def judge(file: Path, environ: Mapping[str, str]) -> Verdict:
    """Examines a configuration with the files and models that it names."""
    try:
        loaded = load(file, environ)
    except InvalidConfiguration as error:
        return Verdict(error.findings, (), error.exit_code)
    except PermissionDeniedError as error:
        return Verdict((Finding(str(file), 0, 0, "", error.what, error.fix),), (), error.exit_code)
    bundles, findings = examine_models(loaded)
    findings += examine_accelerators(loaded, bundles)
    missing = check_files(loaded)
    known = {finding.key for finding in missing}
    errors = (*missing, *(finding for finding in findings if finding.key not in known))
    warnings = (*loaded.warnings, *check_password_file(loaded, environ))
    return Verdict(errors, warnings, ExitCode.CONFIGURATION if errors else ExitCode.OK, loaded, bundles)


def _marked(finding: Finding) -> Finding:
    return Finding(**{**asdict(finding), "message": f"warning: {finding.message}"})
