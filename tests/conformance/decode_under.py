"""Decodes the whole corpus, pictures included, in a process of its own under settings that must not
matter, and says what does not agree.

``python -m tests.conformance.decode_under --rounding up --flush --early --threads 2`` in the
repository root; exit status 0 if all agrees, 3 if this machine cannot be set so.  PyTorch and
videocodec/ cannot be imported meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from .float_environment import ROUNDINGS, Unavailable, floats, observed


def main() -> int:
    """Decode under what the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounding", choices=("nearest", *ROUNDINGS), default="nearest")
    parser.add_argument("--flush", action="store_true", help="denormal numbers become zero")
    parser.add_argument(
        "--early",
        action="store_true",
        help="set before numpy is imported, so that threads of BLAS have it too",
    )
    parser.add_argument(
        "--threads", type=int, help="threads of BLAS, instead of the decoder's own limit of one"
    )
    parser.add_argument("--streams", nargs="*", help="these files alone")
    parser.add_argument(
        "--versions", type=int, nargs="+", help="of the format, whose files alone are decoded"
    )
    options = parser.parse_args()
    try:
        if options.early:
            with floats(options.rounding, options.flush):
                return decode(options)
        import numpy  # noqa: F401  its threads start here

        with floats(options.rounding, options.flush):
            return decode(options)
    except Unavailable as error:
        print(error)
        return 3


def decode(options: argparse.Namespace) -> int:
    """Decode, in the settings that hold."""
    for name in ("torch", "torchvision", "diffusers", "videocodec"):
        sys.modules[name] = None
    from threadpoolctl import threadpool_info, threadpool_limits

    from bitstream import latent_decoder
    from bitstream.v2 import shown_pictures

    from . import corpus, pictures

    if observed() != (options.rounding, options.flush):
        print(f"the settings do not hold: {observed()}")
        return 1
    limit = nullcontext()
    if options.threads:
        latent_decoder.one_blas_thread = shown_pictures.one_blas_thread = nullcontext
        limit = threadpool_limits(options.threads, user_api="blas")
    with limit:
        pools = [
            (pool["internal_api"], pool.get("architecture"), pool["num_threads"])
            for pool in threadpool_info()
        ]
        versions = options.versions or corpus.VERSIONS
        problems = corpus.disagreements(versions, options.streams)
        problems += pictures.disagreements(versions, options.streams)
    if observed() != (options.rounding, options.flush):
        problems.append(f"the settings did not hold: {observed()}")
    print("\n".join(problems) or f"all agree; BLAS {pools}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
