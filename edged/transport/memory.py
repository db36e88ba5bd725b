"""Memory that two processes share: anonymous, sealed in size, passed as a descriptor.

Not `multiprocessing.shared_memory`: when a process that attached by name is killed, its resource tracker
unlinks the live segment.
"""

import fcntl
import mmap
import os

PAGE = 4096


def padded(nbytes: int) -> int:
    """Bytes rounded up to whole pages."""
    return -(-nbytes // PAGE) * PAGE


def sealed_memfd(name: str, nbytes: int) -> int:
    """A descriptor of `nbytes` of zeroed memory that nobody can shrink or grow; untouched pages cost nothing."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, nbytes)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return fd


def mapped(fd: int, *, writable: bool) -> mmap.mmap:
    """The whole of a memfd in this process's address space."""
    prot = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    return mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, prot)
