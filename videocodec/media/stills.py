"""Still pictures that are put together: of tiles, and of colours and an alpha plane beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from ..errors import InputError, UnsupportedInputError
from .acceptance import check_size
from .choice import is_item
from .conversion import FrameConverter, flattened
from .frames import RgbArray
from .heif import Grid, StillPicture
from .options import SourceOptions

_CODED = ("av01", "hvc1", "hev1", "avc1", "jpeg")


def refuse_unreadable(path: Path, picture: StillPicture, options: SourceOptions) -> None:
    """Raise ``UnsupportedInputError`` for a picture that nothing here puts together, and for an
    alpha plane that would be lost.
    """
    if picture.kind != "grid" and picture.kind not in _CODED:
        raise UnsupportedInputError(
            f"{path}: its picture is of the kind {picture.kind!r}, which is not supported: convert"
            " it to PNG or JPEG first"
        )
    if picture.alpha is not None and options.background is None:
        raise UnsupportedInputError(
            f"{path} has an alpha channel (transparency), which would be lost: --background '#000'"
            " flattens it onto a colour"
        )


def is_put_together(picture: StillPicture) -> bool:
    """Whether a picture is more than one stream that a decoder gives as it is."""
    return picture.grid is not None or picture.alpha is not None


def put_together(
    path: Path,
    container: av.container.InputContainer,
    picture: StillPicture | None,
    options: SourceOptions,
) -> tuple[av.VideoFrame | None, list[str]]:
    """The frame of a picture that no single stream holds, in RGB, and what was done to it, a line
    each; None for everything else.
    """
    if picture is None or not is_put_together(picture):
        return None, []
    reader = StillReader(path, container, options)
    frame = av.VideoFrame.from_ndarray(reader.picture(picture), format="rgb24")
    return frame, reader.conversions


class StillReader:
    """Puts a picture together: ``picture()``.  ``conversions`` says afterwards what was done, a
    line each.
    """

    def __init__(
        self, path: Path, container: av.container.InputContainer, options: SourceOptions
    ) -> None:
        self._path, self._options = path, options
        self._frames = _first_frames(path, container)
        self.conversions: list[str] = []

    def picture(self, still: StillPicture) -> RgbArray:
        """uint8 height × width × 3, turned for display."""
        rgb = self._assembled(still.item, still.grid, self._colours)
        if still.alpha is not None:
            alpha = self._assembled(still.alpha, still.alpha_grid, self._alpha)[..., 0]
            if alpha.shape != rgb.shape[:2]:
                raise InputError(
                    f"{self._path}: its alpha plane has another size than its picture: it is"
                    " damaged, copy or download it again"
                )
            rgb = self._over_background(rgb, alpha, premultiplied=still.premultiplied)
        turned = np.rot90(rgb, still.quarter_turns)
        if still.mirrored is not None:
            turned = np.flip(turned, axis=still.mirrored)
        return np.ascontiguousarray(turned)

    def _over_background(self, rgb: RgbArray, alpha: RgbArray, *, premultiplied: bool) -> RgbArray:
        background = self._options.background
        assert background is not None  # ``refuse_unreadable`` sees to it
        name = "".join(f"{value:02x}" for value in background)
        self.conversions.append(f"alpha is flattened onto #{name}")
        if not premultiplied:
            return flattened(rgb, alpha, background)
        rest = flattened(np.zeros_like(rgb), alpha, background)
        return np.asarray(np.minimum(rgb.astype(np.uint16) + rest, 255), dtype=np.uint8)

    def _assembled(
        self, item: int, grid: Grid | None, convert: Callable[[av.VideoFrame], RgbArray]
    ) -> RgbArray:
        if grid is None:
            return convert(self._frame(item))
        check_size(self._path, grid.width, grid.height)
        first = convert(self._frame(grid.tiles[0]))
        height, width = first.shape[:2]
        if height * grid.rows < grid.height or width * grid.columns < grid.width:
            raise InputError(
                f"{self._path}: its tiles do not fill its picture: it is damaged, copy or download"
                " it again"
            )
        canvas = np.empty((grid.height, grid.width, 3), dtype=np.uint8)
        for number, tile in enumerate(grid.tiles):
            row, column = divmod(number, grid.columns)
            target = canvas[row * height :, column * width :][:height, :width]
            part = first if number == 0 else convert(self._frame(tile))
            if part.shape != first.shape:
                raise InputError(
                    f"{self._path}: its tiles differ in size: it is damaged, copy or download it"
                    " again"
                )
            target[...] = part[: target.shape[0], : target.shape[1]]
        return canvas

    def _frame(self, item: int) -> av.VideoFrame:
        if item not in self._frames:
            raise InputError(
                f"{self._path}: a part of its picture cannot be decoded: copy or download it again"
            )
        return self._frames[item]

    def _colours(self, frame: av.VideoFrame) -> RgbArray:
        converter = FrameConverter(self._path, frame, "", self._options, alpha_beside=False)
        rgb = converter(frame)
        self.conversions += [line for line in converter.conversions if line not in self.conversions]
        return rgb

    def _alpha(self, frame: av.VideoFrame) -> RgbArray:
        """An alpha plane is the luma of its item; full range, whatever is not said."""
        grey = frame.reformat(format="gray", dst_color_range=ColorRange.JPEG).to_ndarray()
        return np.repeat(np.asarray(grey, dtype=np.uint8)[..., None], 3, axis=-1)


def _first_frames(path: Path, container: av.container.InputContainer) -> dict[int, av.VideoFrame]:
    """The frame of each item, by the item's number."""
    frames: dict[int, av.VideoFrame] = {}
    items = [stream for stream in container.streams.video if is_item(stream)]
    try:
        for packet in container.demux(items) if items else ():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.setdefault(packet.stream.id, frame)
    except MemoryError:
        raise
    except (EOFError, av.FFmpegError) as error:
        raise InputError(
            f"{path}: a part of its picture cannot be decoded ({error}): copy or download it again"
        ) from error
    return frames
