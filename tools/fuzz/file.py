"""Targets of the file: its boxes and tracks, the words and the model in it, and what can be
recovered of it.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from bitstream.access_unit import AccessUnit
from bitstream.container import AttachedModel, SharedFile, StreamReader, caption_at, captions_box
from bitstream.container.boxes import AttachedBox
from bitstream.container.captions import MAX_CAPTION_BYTES, parse_captions
from bitstream.errors import AttachedModelError, BitstreamError, CaptionsError
from videocodec.decoder.index import StreamIndex
from videocodec.decoder.timeline import MAX_LOST_FRAMES
from videocodec.errors import VideoCodecError
from videocodec.inspection.repair import repair as repair_file
from videocodec.reader.metadata import VideoMetadata

from .guard import within

_SPARE = 4 << 20  # the pieces in which files are read, and what FFmpeg's Python side keeps
# bytes of memory for each of the file: a frame of the index takes some hundred, and a unit of 20
# bytes has up to 16
_FACTOR = 600


def container(data: bytes) -> None:
    """A file: it opens with all that is told of it, and all its access units come, or a named error
    does.
    """
    lost = 0
    with within(data, 4, lambda: _SPARE + _FACTOR * (len(data) + lost)):
        file = SharedFile(io.BytesIO(data), "input")
        try:
            reader = StreamReader(file)
            assert 0 <= reader.attached_model_bytes <= len(
                data
            ) and 0 <= reader.container_bytes <= len(data)
            index = StreamIndex(reader)
            lost = sum(entry.frame_count for entry in index.units if entry.damage is not None)
            metadata = VideoMetadata.of(reader, index, has_unet=False)
            units = list(reader.units()) if index.problem is None else []
        except BitstreamError as error:
            _is_one_line(error)
            return
        assert (
            metadata.frames == len(index) == sum(entry.frame_count for entry in index.units)
            and metadata.duration_seconds >= 0
        )
        assert all(
            0 <= entry.bytes <= len(data) and entry.frame_count >= 1 for entry in index.units
        )
        assert all(entry.frame_count <= 16 for entry in index.units if entry.damage is None)
        assert lost <= MAX_LOST_FRAMES + 16 * len(index.units)  # no time in any table makes more
        assert (
            len(index.pts) == len(index.durations) == len(index.pts_seconds)
            and index.pts.dtype == index.durations.dtype == "int64"
        )
        for unit in units:
            try:
                AccessUnit.parse(unit.data)
            except BitstreamError:
                continue
        try:
            model = reader.attached_model()
            if model is not None:
                assert len(model.sha256) == 64
        except AttachedModelError as error:
            _is_one_line(error)


def repair(data: bytes) -> None:
    """A file of which ``videocodec repair`` makes one whose access units are all whole, or says in
    a line why not and leaves nothing.
    """
    with _folder() as name, within(data, 6):
        source, target = Path(name) / "input.mp4", Path(name) / "output.mp4"
        source.write_bytes(data)
        try:
            report = repair_file(source, target)
        except (BitstreamError, VideoCodecError) as error:
            _is_one_line(error)
            assert [path.name for path in Path(name).iterdir()] == [source.name]
            return
        assert source.read_bytes() == data and sorted(
            path.name for path in Path(name).iterdir()
        ) == [source.name, target.name]
        units = [AccessUnit.parse(sample.data) for sample in StreamReader(target).units()]
        assert (
            len(units) == report.access_units > 0
            and sum(unit.frame_count for unit in units) == report.frames
        )


def attached(data: bytes) -> None:
    """The content of the box of an attached model: its list of files, and these unpacked nowhere
    but in the folder.
    """
    with within(data, 4, lambda: _SPARE + 8 * len(data)):
        box = AttachedBox(0, len(data), len(data), len(data) + 16)
        try:
            model = AttachedModel(SharedFile(io.BytesIO(data), "input"), box)
        except AttachedModelError as error:
            _is_one_line(error)
            return
        assert sum(each.size for each in model.files) <= len(data) and all(
            each.position + each.size <= len(data) for each in model.files
        )
        assert len(model.sha256) == 64
        with _folder() as folder:
            model.extract(Path(folder))
            written = {
                path.relative_to(folder).as_posix(): path.stat().st_size
                for path in Path(folder).rglob("*")
                if path.is_file()
            }
            left_out = {name for each in model.damaged_helpers for name in each.limits}
            assert written == {
                each.name: each.size for each in model.files if each.name not in left_out
            }


def captions(data: bytes) -> None:
    """The content of a box of captions: what is read is written again as the same bytes, and the
    words of every time are those of the last caption before it.
    """
    with within(data, 1, lambda: _SPARE + 64 * len(data)):
        try:
            found = parse_captions(data)
        except CaptionsError as error:
            _is_one_line(error)
            return
        assert captions_box(found)[8:] == data
        for each in found[:16]:
            assert 1 <= len(each.text.encode()) <= MAX_CAPTION_BYTES and each.text.isprintable()
            assert caption_at(found, each.begin) == each.text


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(
        prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    )


def _is_one_line(error: Exception) -> None:
    text = str(error)
    assert text and len(text) < 2000 and text.isprintable(), repr(text)
