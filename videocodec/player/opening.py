"""Opens what a player is to show: latent-video files, ordinary ones, and the source of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitstream.errors import ContainerError

from ..decoder.picture_choice import Pictures
from ..errors import InputError
from ..reader.reader import VideoReader
from .original import OriginalFrames, SizeMismatchError
from .played import PlayedFile, Settings
from .stream import PlayedStream
from .video import PlayedVideo, has_ordinary_video
from .video_frames import VideoFrames

MOST_FILES = 8  # keys 1 to 8


@dataclass(frozen=True)
class DecodingOptions:
    """How latent-video files are decoded: as of ``VideoReader``."""

    model: str | Path | None = None
    force_model: bool = False
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    conceal: bool = True
    scale: int = 1
    pictures: Pictures = "auto"


@contextmanager
def opened_files(
    paths: Sequence[str | Path],
    settings: Settings,
    options: DecodingOptions,
    *,
    source: str | Path | None = None,
) -> Iterator[list[PlayedFile]]:
    """The files for a player, closed in the end.

    paths: one to eight, all of one size; a file that is no latent video is played as an ordinary
    one.  source: the video that they were encoded from.

    Raises ``InputError`` for what cannot be read, ``SizeMismatchError`` for another size than the
    first file's, and what ``VideoReader`` does.
    """
    if not 1 <= len(paths) <= MOST_FILES:
        raise InputError(f"{len(paths)} files were given: a player shows one to {MOST_FILES}")
    with ExitStack() as stack:
        files: list[PlayedFile] = []
        for path in paths:
            file = _opened(path, settings, options, stack)
            stack.callback(file.close)
            files.append(file)
            first = files[0]
            if (file.width, file.height) != (first.width, first.height):
                raise SizeMismatchError(
                    f"{path} is {file.width}×{file.height}, {first.path} is"
                    f" {first.width}×{first.height}: give files of one size"
                )
        if source is not None:
            frames = VideoFrames(source)
            stack.callback(frames.close)
            for file in files:
                file.original = OriginalFrames(frames, file.width, file.height, file.times)
        yield files


def _opened(
    path: str | Path, settings: Settings, options: DecodingOptions, stack: ExitStack
) -> PlayedFile:
    try:
        reader = VideoReader(
            path,
            model=options.model,
            force_model=options.force_model,
            steps=settings.steps,
            seed=options.seed,
            restore=settings.restore,
            device=options.device,
            threads=options.threads,
            conceal=options.conceal,
            scale=options.scale,
            pictures=options.pictures,
        )
    except ContainerError:
        if not has_ordinary_video(path):
            raise
        return PlayedVideo(path, settings)
    return PlayedStream(path, stack.enter_context(reader), settings, seed=options.seed)
