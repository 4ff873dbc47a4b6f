"""Pictures that are the frames of a video: a pattern of numbers, a folder, or a glob."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from bitstream.container import Clock

from ..errors import InputError, UnsupportedInputError
from .decoding import FrameDecoder
from .opening import is_picture, open_container, open_stream
from .options import SourceOptions
from .stills import put_together

USUAL_RATE = Fraction(25)  # frames per second, as FFmpeg's image2 has it
_PICTURE_SUFFIX = re.compile(
    r"\.(avif|bmp|dpx|exr|gif|hei[cf]|j2k|jp2|jpe?g|jxl|p[abgpn]m|png|qoi|sgi|tga|tiff?|webp)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"%(0?)(\d*)d")
_GLOB = re.compile(r"[*?\[]")
_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)


def picture_files(path: Path) -> tuple[Path, ...] | None:
    """The pictures of a sequence in their order, None where ``path`` names one file.

    A pattern such as ``%05d.png`` stands for every number that is there, from the lowest on; a
    folder for the pictures in it; a glob for what it matches.  The latter two are sorted by name,
    numbers by their value.

    Raises ``InputError`` where there is no picture, where a number is missing in a pattern or
    folder, and for a folder of several kinds of pictures.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.exists():
        return None
    if _NUMBER.search(path.name):
        return _of_pattern(path)
    if _GLOB.search(str(path)):
        files = [Path(name) for name in glob.glob(str(path), recursive=True)]
        files = sorted((file for file in files if file.is_file()), key=_by_name)
        if not files:
            raise InputError(f"{path}: no file matches: check the name")
        return tuple(files)
    return None


def _of_folder(folder: Path) -> tuple[Path, ...]:
    files = sorted(
        (
            file
            for file in folder.iterdir()
            if _PICTURE_SUFFIX.fullmatch(file.suffix) and not file.name.startswith(".")
        ),
        key=_by_name,
    )
    kinds = sorted({file.suffix for file in files})
    if not files:
        raise InputError(f"{folder} is a directory without pictures: name one video file in it")
    if len(kinds) > 1:
        raise InputError(
            f"{folder} holds pictures of several kinds ({', '.join(kinds)}): name those that are"
            f" wanted, as in '{folder}/*{kinds[0]}'"
        )
    matches = [_LAST_NUMBER.fullmatch(file.stem) for file in files]
    parts = [match.groups() for match in matches if match is not None]
    if len(parts) == len(files) and len({(before, after) for before, _, after in parts}) == 1:
        _refuse_gaps(folder, files, [int(number) for _, number, _ in parts])
    return tuple(files)


def _of_pattern(path: Path) -> tuple[Path, ...]:
    if len(_NUMBER.findall(path.name)) > 1:
        raise InputError(f"{path}: a pattern has one number, such as %05d")
    match = _NUMBER.search(path.name)
    assert match is not None  # ``picture_files`` found it
    zero, width = match.groups()
    digits = rf"\d{{{int(width)},}}" if zero and width else r"(?:0|[1-9]\d*)"
    before, after = path.name[: match.start()], path.name[match.end() :]
    wanted = re.compile(
        f"{re.escape(before.replace('%%', '%'))}({digits}){re.escape(after.replace('%%', '%'))}"
    )
    numbered = {}
    if path.parent.is_dir():
        for file in path.parent.iterdir():
            if (numbered_name := wanted.fullmatch(file.name)) and file.is_file():
                numbered[int(numbered_name[1])] = file
    if not numbered:
        raise InputError(f"{path}: no picture has such a name: check it")
    numbers = sorted(numbered)
    files = [numbered[number] for number in numbers]
    _refuse_gaps(path, files, numbers)
    return tuple(files)


def _refuse_gaps(path: Path, files: list[Path], numbers: list[int]) -> None:
    for (before, after), (number, following) in zip(
        pairwise(files), pairwise(numbers), strict=True
    ):
        if following == number:
            raise InputError(f"{path}: {before.name} and {after.name} have the same number")
        if following != number + 1:
            first, last = number + 1, following - 1
            missing = f"{first}" if first == last else f"{first} to {last}"
            raise InputError(
                f"{path}: pictures are missing between {before.name} and {after.name} (number"
                f" {missing}): a glob, '{before.parent}/*{before.suffix}', takes those that are"
                " there"
            )


def _by_name(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts numbers in names by their value."""
    parts = re.split(r"(\d+)", str(file))
    return [(int(part), 0, "") if part.isdecimal() else (-1, 1, part) for part in parts], str(file)


@dataclass
class PictureSequence:
    """Reads pictures as frames: one a tick of ``time_base``.

    files: in their order.  options: how each is read.
    conversions: what was done to pictures that were put together; losses: what could not be read,
    a line each.

    Without ``options.strict`` a picture that cannot be read is left out; the first has to be there.
    Raises ``InputError`` for what is no picture, and for another codec than the first one's.
    """

    path: Path
    files: tuple[Path, ...]
    options: SourceOptions
    conversions: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    _codec: str | None = None

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return self.options.fps or USUAL_RATE

    @property
    def time_base(self) -> Fraction:
        """Seconds per frame."""
        return 1 / self.frame_rate

    def frames(self, first: int = 0) -> Iterator[av.VideoFrame]:
        """The frames from number ``first`` on, ``pts`` their numbers."""
        for number, file in enumerate(self.files[first:], first):
            try:
                frame = self._frame(file)
            except UnsupportedInputError:
                raise
            except InputError as error:
                if self.options.strict or number == 0:
                    raise
                self._add_loss(f"{error}: left out")
                continue
            frame.pts, frame.duration, frame.time_base = number, 1, self.time_base
            yield frame

    def check_sizes(self) -> None:
        """Raise ``InputError`` where pictures differ in size, before any of them is decoded."""
        sizes: dict[tuple[int, int], Path] = {}
        for file in self.files:
            try:
                with open_container(file) as container:
                    opened = open_stream(file, container, self.options)
                    grid = opened.still.grid if opened.still else None
                    stream = opened.stream if grid is None else grid
                    if stream.width and stream.height:
                        sizes.setdefault((stream.width, stream.height), file)
            except InputError:
                if self.options.strict:
                    raise
            if len(sizes) > 1:
                (width, height), (other_width, other_height) = sizes
                first, other = sizes.values()
                raise InputError(
                    f"{self.path}: pictures differ in size: {first.name} has {width}×{height},"
                    f" {other.name} has {other_width}×{other_height}: scale them to one size"
                )

    def _frame(self, file: Path) -> av.VideoFrame:
        with open_container(file) as container:
            opened = open_stream(file, container, self.options)
            if not is_picture(container, opened):
                raise UnsupportedInputError(
                    f"{file} is a video among pictures: name the pictures alone"
                )
            codec = opened.stream.codec_context.name
            if self._codec not in (None, codec):
                raise UnsupportedInputError(
                    f"{file} is of another kind ({codec}) than the pictures before it"
                    f" ({self._codec}): convert them to one kind"
                )
            self._codec = codec
            frame, conversions = put_together(file, container, opened.still, self.options)
            self.conversions += [line for line in conversions if line not in self.conversions]
            if frame is not None:
                return frame
            decoder = FrameDecoder(
                file, container, opened.stream, Clock(), strict=self.options.strict
            )
            frame = next(decoder.frames(), None)
            if frame is None:
                raise InputError(f"{file}: no picture can be decoded: it is empty or damaged")
            for line in [opened.missing, *decoder.losses.lines()]:
                if line:
                    self._add_loss(f"{file}: {line}")
            return frame

    def _add_loss(self, line: str) -> None:
        if line not in self.losses:
            self.losses.append(line)
