"""No encoder takes the machine for itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Which scheduling policies the threads of a process have in the middle of an encode with SVT-AV1,
# begun under the usual one.
POLICIES = """
import os, sys
import av, numpy as np
from videocodec.ladder.priority import stay_ordinary
if sys.argv[1] == "ordinary":
    stay_ordinary()
with av.open(sys.argv[2], "w") as container:
    stream = container.add_stream(
        "libsvtav1", rate=25, width=64, height=64, pix_fmt="yuv420p", options={"preset": "12"}
    )
    for index in range(8):
        picture = np.full((64, 64, 3), 9 * index, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    threads = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/stat") as stat:
            threads.append(stat.read().rsplit(")", 1)[1].split()[38])
    print(*sorted(set(threads)), os.sched_getscheduler(0))
"""


def policies(how: str, path: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", POLICIES, how, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="schedulers of Linux")
def test_svtav1_runs_like_any_other_program(tmp_path) -> None:
    assert policies("ordinary", tmp_path / "clip.mp4") == [str(os.SCHED_OTHER)] * 2


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root has the right to give up"
)
def test_the_right_is_given_up() -> None:
    program = (
        "import os; from videocodec.ladder.priority import stay_ordinary; stay_ordinary();"
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "PermissionError" in done.stderr
