"""``videocodec info``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bitstream.formats import format_of

from .common import bitrate, counted, percent, print_json, progress_bar, size

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
        found = info(
            args.input, headers_only=args.headers_only, model=args.model, progress=progress
        )
    _warn(found, args.input, args.headers_only)
    if args.json:
        print_json(found.to_dict())
        return 0
    for name, value in _lines(found).items():
        print(f"{name:9} {value}")
    return 0


def _warn(found: StreamInfo, path: str, headers_only: bool) -> None:
    """What is wrong with the file, on standard error."""
    if found.damage:
        print(f"videocodec: warning: {path}: {found.damage}", file=sys.stderr)
    elif found.provenance is None and not headers_only:
        print(
            f"videocodec: warning: {path}: no provenance: {found.provenance_unavailable}",
            file=sys.stderr,
        )
    if found.captions_damage:
        print(f"videocodec: warning: {path}: {found.captions_damage}", file=sys.stderr)
    if found.model_attached_damage:
        print(
            f"videocodec: warning: {path}: the attached model is damaged:"
            f" {found.model_attached_damage}",
            file=sys.stderr,
        )


def _lines(found: StreamInfo) -> dict[str, str]:
    """What a person reads, by its name."""
    # of files cut short, anything
    overhead = (
        100 * max(0, found.container_bytes - found.video_bytes) / max(1, found.container_bytes)
    )
    return {
        "file": found.path,
        "format": (
            f"latent video, version {found.format_version}"
            + ("; lossy" if format_of(found.format_version).is_frozen else ", a draft; lossy")
            + (", a generative reconstruction" if found.generated_content else "")
            + f"; specified in {found.specification}"
        ),
        "picture": (
            f"{found.width}x{found.height}, {found.frame_rate:g} frames per second"
            + (f", rotated {found.rotation} degrees" if found.rotation else "")
            + (
                f", pixels {found.sample_aspect_ratio}"
                if not found.sample_aspect_ratio.startswith("0:")
                else ""
            )
        ),
        **({"converted": "; ".join(found.conversions)} if found.conversions else {}),
        "frames": (
            f"{found.frames} in {found.duration_seconds:.3f} s,"
            f" {counted(found.keyframes, 'keyframe')}, "
            + counted(found.access_units, "access unit")
        ),
        **(
            {"lost": f"{counted(found.lost_frames, 'frame')} of them, which decode conceals"}
            if found.lost_frames
            else {}
        ),
        "video": (
            f"{size(found.video_bytes)}, {bitrate(found.video_bitrate_bps)}; container adds"
            f" {overhead:.1f} %"
        ),
        "settings": (
            f"crf {found.crf}, preset {found.preset}, keyframes every {found.gop_size} frames or"
            " sooner"
        ),
        "content": _content(found),
        "latents": (
            f"{found.latent['channels']} channels,"
            f" {found.latent['width']}x{found.latent['height']}; {found.latents_checksum}"
        ),
        "model": (
            f"{found.model['name']}, SHA-256 {found.model['sha256']}; {_where_model_is(found)}"
        ),
        **({"words": _words(found)} if found.captions else {}),
        "tracks": "; ".join(found.tracks) or "no other",
    }


def _words(found: StreamInfo) -> str:
    """All of them, with their times where there are several, and what they take."""
    texts = [each.text for each in found.captions]
    if len(texts) > 1 or found.captions[0].begin_seconds:
        texts = [f"{each.begin_seconds:g} s {each.text}" for each in found.captions]
    return f"{'; '.join(texts)} ({size(found.captions_bytes)} of the video)"


def _where_model_is(found: StreamInfo) -> str:
    installed = "installed here" if found.model_installed else "not installed here"
    if not found.model_attached:
        return f"{installed}, not attached to the file"
    state = ", damaged" if found.model_attached_damage else ""
    attached = size(found.model_attached_bytes)
    return f"{installed}, attached to the file ({attached} beside the video{state})"


def _content(found: StreamInfo) -> str:
    """Shares over all frames, and over the inter frames, which tell more, where there are any."""
    if found.provenance is None:
        return "unknown" if found.damage else f"unknown: {found.provenance_unavailable}"
    text, by_kind = _shares(found.provenance), found.provenance_by_kind or {}
    return text + (f"; inter frames: {_shares(by_kind['inter'])}" if "inter" in by_kind else "")


def _shares(share_of: dict[str, float]) -> str:
    return ", ".join(
        f"{percent(share)} {name}"
        for name, share in share_of.items()
        if share or name != "concealed"
    )
