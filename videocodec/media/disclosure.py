"""What a decoded file says of where its pictures come from, in the words of each format.

The term for pictures that a trained model has had a hand in is of the IPTC's digital source type
vocabulary (https://cv.iptc.org/newscodes/digitalsourcetype), which the metadata standards of photo
and video agree on.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from fractions import Fraction

from bitstream.sequence_header import SequenceHeader

from ..version import __version__

DIGITAL_SOURCE_TYPE = (
    "https://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)

_AFTER_PNG_HEADER = 33  # signature, and IHDR, which must come first
# x264 gives up on a first line of 80 characters, FFmpeg on one of 128.
_LONGEST_Y4M_LINES = (79, 127)


@dataclass(frozen=True)
class Disclosure:
    """What is known of how decoded pictures came about.

    Attributes:
        generative: whether the pictures are a generative reconstruction.
        model_name, model_sha256: of the stream.
        steps, seed: of the restoration; None where none ran.
        has_map: whether a map of the provenance is drawn over the pictures.
        forced_model: name and SHA-256 of another model that made the pictures; None where it was
            the stream's own.
        concealed_frames: how many frames stand in for lost ones.
        follows_words: whether words in the file conditioned the restoration.
        fps: frames per second, if those between coded frames are made up; else None.
        upscaled: whether a network made them twice as large as they are coded.
        is_exact: whether they are made by integer networks, the same everywhere.

    """

    generative: bool
    model_name: str
    model_sha256: str
    steps: int | None = None
    seed: int | None = None
    has_map: bool = False
    forced_model: tuple[str, str] | None = None
    concealed_frames: int = 0
    fps: Fraction | None = None
    follows_words: bool = False
    upscaled: bool = False
    is_exact: bool = False

    @classmethod
    def of(
        cls,
        header: SequenceHeader,
        steps: int | None,
        seed: int | None,
        *,
        has_map: bool = False,
        made_by: tuple[str, str] | None = None,
        concealed_frames: int = 0,
        fps: Fraction | None = None,
    ) -> Disclosure:
        """The disclosure for pictures of a stream, by what its header says of itself and by whether
        a restoration ran, or frames between coded ones were made up.

        ``made_by`` is the name and SHA-256 of the model that made them, None for the stream's own.
        """
        generative = header.generated_content or steps is not None or fps is not None
        forced = made_by if made_by is not None and made_by[1] != header.model_sha256 else None
        return cls(
            generative,
            header.model_name,
            header.model_sha256,
            steps,
            seed,
            has_map,
            forced,
            concealed_frames,
            fps,
        )

    def enlarged(self) -> Disclosure:
        """The same of pictures that a network made twice as large as they are coded."""
        return replace(self, generative=True, upscaled=True)

    @property
    def sentence(self) -> str:
        """One line for people; if the pictures are a generative reconstruction, with the standard
        term for machines in it, near its beginning because programs that show metadata cut it off.
        """
        ran = (
            "no restoration"
            if self.steps is None
            else f"restoration steps {self.steps}, seed {self.seed}"
        ) + (", led by the words in the file" if self.follows_words else "")
        kind = "generative" if self.generative else "neural"
        model = f"model {self.model_name} {self.model_sha256[:16]}"
        if self.forced_model is not None:
            model = (
                f"model {self.forced_model[0]} {self.forced_model[1][:16]} forced in place of"
                f" {model}"
            )
        source = f"a lossy {kind} reconstruction ({model}, {ran})"
        if self.is_exact:
            source += " with exact pictures"
        if self.concealed_frames:
            source += f", {self.concealed_frames} of its frames lost to damage and concealed"
        if self.fps is not None:
            source += f", at {self.fps} frames per second with those between coded frames generated"
        if self.upscaled:
            source += ", twice as large as it was coded with the detail beyond that generated"
        start = (
            f"AI-reconstructed ({DIGITAL_SOURCE_TYPE}): decoded" if self.generative else "Decoded"
        )
        return f"{start} by videocodec {__version__} from {source}" + (
            ", its provenance drawn over it" if self.has_map else ""
        )

    def container_tags(self) -> dict[str, str]:
        """Metadata for FFmpeg's muxers."""
        return {"comment": self.sentence, "description": self.sentence}

    def extend_y4m(self, line: str) -> str:
        """The first line of a y4m stream, without its newline, and after it the comment field
        ``XAI`` if the pictures are a generative reconstruction and readers bear a line that long.
        """
        limit = next((most for most in _LONGEST_Y4M_LINES if len(line) <= most), 0)
        return f"{line} XAI" if self.generative and len(line) + 4 <= limit else line

    def mark_png(self, png: bytes) -> bytes:
        """A PNG file with the sentence as its comment."""
        body = b"tEXtComment\0" + self.sentence.encode("latin-1", "backslashreplace")
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return png[:_AFTER_PNG_HEADER] + chunk + png[_AFTER_PNG_HEADER:]
