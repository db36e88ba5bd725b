"""Which host names mean this machine."""

import ipaddress

_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})


def is_local(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    if host.lower() in _NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
