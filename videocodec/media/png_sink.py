"""A folder of numbered PNG pictures."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from bitstream.container import Unfinished

from ..errors import OutputError, OutputExistsError
from .disclosure import Disclosure
from .frame_sink import FrameSink, check_folder, output_errors

_NUMBER = re.compile(r"%(0?)([1-9]?)d")


def is_picture_pattern(target: str) -> bool:
    """Whether the file name is a pattern such as ``frames/%05d.png``: exactly one number, no other
    percent sign.
    """
    name = Path(target).name
    return (
        name.lower().endswith(".png") and name.count("%") == 1 and _NUMBER.search(name) is not None
    )


class PngSink(FrameSink):
    """Pictures named by a printf pattern, numbered from 1 as FFmpeg does.

    They are RGB without loss.

    The folder is made when only it is missing. The pictures are written into a hidden folder inside
    it and moved at the end, so an unfinished run leaves none. Timestamps, rotation and aspect ratio
    are left out. With ``overwrite``, pictures of an earlier, longer run stay where no new one takes
    their place.
    """

    def __init__(
        self,
        target: str,
        width: int,
        height: int,
        *,
        disclosure: Disclosure | None,
        overwrite: bool,
    ) -> None:
        super().__init__(width, height)
        self._target = target
        self._disclosure = disclosure
        self._pattern = Path(target).name
        self._folder = Path(target).parent
        self._count = 0
        self._closed = False
        self._made_folder = not self._folder.exists()
        check_folder(target, self._folder.parent if self._made_folder else self._folder)
        if not overwrite:
            self._refuse_existing()
        with output_errors(target):
            self._folder.mkdir(exist_ok=True)
            self._unfinished = Unfinished(Path(target), folder=True)
        self._beside = self._unfinished.path

    def write(self, rgb: np.ndarray, pts: int, duration: int) -> None:
        self._check(rgb)
        self._count += 1
        encoded, data = cv2.imencode(
            ".png", cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
        )
        if not encoded:
            raise OutputError(f"{self._target}: picture {self._count} cannot be encoded as PNG")
        png = (
            data.tobytes()
            if self._disclosure is None
            else self._disclosure.mark_png(data.tobytes())
        )
        with output_errors(self._target):
            (self._beside / (self._pattern % self._count)).write_bytes(png)

    def finish(self) -> None:
        pass  # every picture is whole when it is written

    def commit(self) -> None:
        with output_errors(self._target):
            for number in range(1, self._count + 1):
                name = self._pattern % number
                (self._beside / name).replace(self._folder / name)
            self._unfinished.remove()
        self._closed = True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._unfinished.remove()
        if self._made_folder and self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _refuse_existing(self) -> None:
        if not self._folder.is_dir():
            return
        before, after = (re.escape(part) for part in _NUMBER.split(self._pattern)[::3])
        name = re.compile(f"{before}[0-9]+{after}")
        for existing in sorted(self._folder.iterdir()):
            if name.fullmatch(existing.name):
                raise OutputExistsError(f"{existing} exists: pass -y to overwrite")
