"""``videocodec info``."""

from __future__ import annotations

import argparse

from .common import bitrate, counted, print_json, size


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "info",
        help="say what is in a latent-video file",
        description="Say what is in a latent-video file, from its headers; no network runs.",
    )
    parser.add_argument("input", metavar="INPUT", help="the latent-video file")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the headers."""
    from ..inspection import info

    found = info(args.input)
    if args.json:
        print_json(found.to_dict())
        return 0
    overhead = 100 * (found.container_bytes - found.video_bytes) / found.container_bytes
    lines = {
        "file": found.path,
        "format": f"latent video, version {found.format_version}; lossy" + (", partly generated" if found.generated_content else ""),
        "picture": f"{found.width}x{found.height}, {found.frame_rate:g} frames per second"
        + (f", rotated {found.rotation} degrees" if found.rotation else "")
        + (f", pixels {found.sample_aspect_ratio}" if not found.sample_aspect_ratio.startswith("0:") else ""),
        "frames": f"{found.frames} in {found.duration_seconds:.3f} s, {counted(found.keyframes, 'keyframe')}, "
        + counted(found.access_units, "access unit"),
        "video": f"{size(found.video_bytes)}, {bitrate(found.video_bitrate_bps)}; container adds {overhead:.1f} %",
        "settings": f"crf {found.crf}, preset {found.preset}, keyframes every {found.gop_size} frames or sooner",
        "latents": f"{found.latent['channels']} channels, {found.latent['width']}x{found.latent['height']}",
        "model": f"{found.model['name']}, SHA-256 {found.model['sha256']}",
        "tracks": "; ".join(found.tracks) or "no other",
    }
    for name, value in lines.items():
        print(f"{name:9} {value}")
    return 0
