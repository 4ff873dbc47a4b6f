"""How much of a stream's pictures was sent, predicted and made up."""

from __future__ import annotations

from ..decoded import FrameKind
from ..decoder.concealment import concealed_frames
from ..decoder.latents import LatentStream
from ..progress import Progress, ProgressCallback
from ..provenance import ProvenanceCount, concealed_map, provenance_map


def counted_provenance(
    stream: LatentStream, frames_total: int, progress: ProgressCallback | None
) -> ProvenanceCount:
    """Decode all latents and add up where they come from.  Raises ``BitstreamError``."""
    count = ProvenanceCount()
    video_bytes = seconds = 0.0
    for frame in concealed_frames(stream):
        is_lost = frame.kind == FrameKind.CONCEALED
        count.add(
            frame.kind,
            (
                concealed_map(stream.header)
                if is_lost
                else provenance_map(frame.latent.fields.modes, stream.header)
            ),
        )
        video_bytes, seconds = (
            video_bytes + frame.byte_share,
            seconds + float(frame.duration * stream.header.time_base),
        )
        if progress:
            progress(Progress(frame.index + 1, frames_total, round(video_bytes), seconds))
    return count
