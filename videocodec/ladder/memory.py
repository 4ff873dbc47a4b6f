"""Peak memory of a process."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_of_process(pid: int | str = "self") -> int:
    """Most bytes resident so far; 0 where the system does not say.

    Linux keeps ``VmHWM`` for the program that runs now, while ``ru_maxrss`` begins with what the
    process that started it had.
    """
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if pid != "self" or sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
