"""What ``import videocodec`` does to the process: nothing heavy, and threads that do not spin; and
what the packaged model needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def environment_after_import(**given: str) -> dict[str, str]:
    """The two settings of libgomp as a new process has them after the import."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    chosen = f"{{n: os.environ[n] for n in {names!r} if n in os.environ}}"
    program = (
        f"import json, os, sys, videocodec; print(json.dumps({chosen})); assert 'torch' not in"
        " sys.modules"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=inherited | given, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_threads_wait_without_spinning_for_long() -> None:
    assert environment_after_import() == {"GOMP_SPINCOUNT": "10000"}


@pytest.mark.parametrize("given", [{"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}])
def test_what_the_user_has_set_stays(given: dict[str, str]) -> None:
    assert environment_after_import(**given) == given


def test_the_packaged_model_runs_without_the_rest_of_diffusers() -> None:
    """All its autoencoders and UNets, and SciPy that they import, are a quarter of a start."""
    program = (
        "import sys; from videocodec.models.bundle import ModelBundle; from"
        " videocodec.models.runtime import AutoencoderRuntime;"
        " AutoencoderRuntime(ModelBundle.find('embedded'), 'cpu', 1); print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split())
    assert "diffusers.models.modeling_utils" in loaded
    assert not loaded & {"scipy.stats", "diffusers.models.autoencoders", "diffusers.models.unets"}
