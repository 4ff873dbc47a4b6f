"""``videocodec info``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bitstream.formats import format_of

from .common import bitrate, coded_at, counted, percent, print_json, progress_bar, size

if TYPE_CHECKING:
    from ..inspection.info import StreamInfo


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "info",
        help="say what is in a latent-video file",
        description=(
            "Say what is in a latent-video file, and how much of its pictures was transmitted,"
            " predicted and generated. No network runs; the latter needs all latents to be decoded."
        ),
    )
    parser.add_argument("input", metavar="INPUT", help="the latent-video file")
    parser.add_argument(
        "--headers-only",
        action="store_true",
        help="read the headers alone, which is quick, and leave the shares out",
    )
    parser.add_argument(
        "--model",
        metavar="NAME_OR_DIR",
        help="model bundle (default: the stream's own, if it is installed)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is known, and on standard error what could not be found out."""
    from ..inspection.info import info

    with progress_bar("reading") as progress:
        stream = info(
            args.input, headers_only=args.headers_only, model=args.model, progress=progress
        )
    _warn(stream, args.input, args.headers_only)
    if args.json:
        print_json(stream.to_dict())
        return 0
    for name, value in _lines(stream).items():
        print(f"{name:9} {value}")
    return 0


def _warn(stream: StreamInfo, path: str, headers_only: bool) -> None:
    """What is wrong with the file, on standard error."""
    if stream.damage:
        print(f"videocodec: warning: {path}: {stream.damage}", file=sys.stderr)
    elif stream.provenance is None and not headers_only:
        print(
            f"videocodec: warning: {path}: no provenance: {stream.provenance_unavailable}",
            file=sys.stderr,
        )
    if stream.captions_damage:
        print(f"videocodec: warning: {path}: {stream.captions_damage}", file=sys.stderr)
    if stream.model_attached_damage:
        print(
            f"videocodec: warning: {path}: the attached model is damaged:"
            f" {stream.model_attached_damage}",
            file=sys.stderr,
        )


def _lines(stream: StreamInfo) -> dict[str, str]:
    """What a person reads, by its name."""
    # of files cut short, anything
    overhead = (
        100 * max(0, stream.container_bytes - stream.video_bytes) / max(1, stream.container_bytes)
    )
    return {
        "file": stream.path,
        "format": (
            f"latent video, version {stream.format_version}"
            + ("; lossy" if format_of(stream.format_version).is_frozen else ", a draft; lossy")
            + (", a generative reconstruction" if stream.generated_content else "")
            + f"; specified in {stream.specification}"
        ),
        "picture": (
            f"{stream.width}x{stream.height}"
            + coded_at(stream.width, stream.coded_width, stream.coded_height)
            + f", {stream.frame_rate:g} frames per second"
            + (f", rotated {stream.rotation} degrees" if stream.rotation else "")
            + (
                f", pixels {stream.sample_aspect_ratio}"
                if not stream.sample_aspect_ratio.startswith("0:")
                else ""
            )
        ),
        **({"converted": "; ".join(stream.conversions)} if stream.conversions else {}),
        **({"guard": stream.guard.sentence} if stream.guard else {}),
        "frames": (
            f"{stream.frames} in {stream.duration_seconds:.3f} s,"
            f" {counted(stream.keyframes, 'keyframe')}, "
            + counted(stream.access_units, "access unit")
        ),
        **(
            {"lost": f"{counted(stream.lost_frames, 'frame')} of them, which decode conceals"}
            if stream.lost_frames
            else {}
        ),
        "video": (
            f"{size(stream.video_bytes)}, {bitrate(stream.video_bitrate_bps)}; container adds"
            f" {overhead:.1f} %"
        ),
        "settings": (
            f"crf {stream.crf}, preset {stream.preset}, keyframes every {stream.gop_size} frames or"
            " sooner"
        ),
        "content": _content(stream),
        "latents": (
            f"{stream.latent['channels']} channels,"
            f" {stream.latent['width']}x{stream.latent['height']}; {stream.latents_checksum}"
            + ("; exact pictures, where nothing restores them" if stream.exact_pictures else "")
        ),
        "model": (
            f"{stream.model['name']}, SHA-256 {stream.model['sha256']}; {_where_model_is(stream)}"
        ),
        **(
            {"memory": f"decoding takes at most {size(stream.decoding_memory_bytes)}"}
            if stream.decoding_memory_bytes is not None
            else {}
        ),
        **({"words": _words(stream)} if stream.captions else {}),
        "tracks": "; ".join(stream.tracks) or "no other",
    }


def _words(stream: StreamInfo) -> str:
    """All of them, with their times where there are several, and what they take."""
    texts = [each.text for each in stream.captions]
    if len(texts) > 1 or stream.captions[0].begin_seconds:
        texts = [f"{each.begin_seconds:g} s {each.text}" for each in stream.captions]
    return f"{'; '.join(texts)} ({size(stream.captions_bytes)} of the video)"


def _where_model_is(stream: StreamInfo) -> str:
    installed = "installed here" if stream.model_installed else "not installed here"
    if not stream.model_attached:
        return f"{installed}, not attached to the file"
    state = ", damaged" if stream.model_attached_damage else ""
    attached = size(stream.model_attached_bytes)
    helpers = ["its post-filter"] if stream.post_filter_attached else []
    helpers += ["its network for twice the size"] if stream.upscaler_attached else []
    if helpers:
        state += f", {' and '.join(helpers)} with it"
    return f"{installed}, attached to the file ({attached} beside the video{state})"


def _content(stream: StreamInfo) -> str:
    """Shares over all frames, and over the inter frames, which tell more, where there are any."""
    if stream.provenance is None:
        return "unknown" if stream.damage else f"unknown: {stream.provenance_unavailable}"
    text, by_kind = _shares(stream.provenance), stream.provenance_by_kind or {}
    return text + (f"; inter frames: {_shares(by_kind['inter'])}" if "inter" in by_kind else "")


def _shares(share_of: dict[str, float]) -> str:
    return ", ".join(
        f"{percent(share)} {name}"
        for name, share in share_of.items()
        if share or name != "concealed"
    )
