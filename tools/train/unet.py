"""Train the temporal UNet on streams of the real encoder, going on from committed weights.

    python -m tools.train.restoration_streams --clips DIR --pictures DIR --output STREAMS
    python -m tools.train.unet --streams STREAMS --lpips FILE --steps 2000 --output DIR

Keeps the weights (an exponential moving average) with the best figure on held-out scenes:
``unet/`` in diffusers' layout, float16, in the output folder, the newest in ``last/``, and
``train.log`` beside them; its state is in ``checkpoint/``, with which the same command goes on.

``--decoder-rate`` above 0 trains the autoencoder's decoder along, on frames between keyframes,
which its own training never saw; every fourth batch goes to it unrestored, so that pictures without
the UNet stay what they were or better.  Its weights are ``decoder.safetensors`` in the output
folder; the encoder stays, and with it the meaning of every latent and all tables.  The training is
``videocodec.training.restoration``, where the loss is explained.
"""

from __future__ import annotations

from pathlib import Path

from tools.train.options import add_run_options, command, finish, run_options
from videocodec.models.files import BUNDLES
from videocodec.training.restoration import RestorationTraining, train_restoration
from videocodec.training.restorer import Weights


def main() -> None:
    """Parse the arguments and train."""
    parser = command(__doc__)
    parser.add_argument("--streams", type=Path, required=True)
    parser.add_argument(
        "--init",
        type=Path,
        default=BUNDLES / "embedded-unet",
        help="folder with unet/ to start from, afresh if it has none (default: embedded-unet)",
    )
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument(
        "--crop", type=int, default=20, help="latents a side; those near a cut are not judged"
    )
    parser.add_argument(
        "--decoder-rate",
        type=float,
        default=0.0,
        help="learning rate of the autoencoder's decoder; 0 leaves it as it is",
    )
    parser.add_argument(
        "--perceptual", type=float, default=1.5, help="weight of log LPIPS against log MSE"
    )
    parser.add_argument(
        "--flicker", type=float, default=0.1, help="weight of the log of flicker against log MSE"
    )
    parser.add_argument(
        "--hold-out", metavar="REGEX", help="scenes to validate with (default: every fifth clip)"
    )
    add_run_options(parser, steps=2000, learning_rate=6e-4, look_every=300)
    args = parser.parse_args()
    asked = RestorationTraining(
        streams=args.streams,
        pairs=args.pairs,
        crop=args.crop,
        decoder_rate=args.decoder_rate,
        weights=Weights(args.perceptual, args.flicker),
        hold_out=args.hold_out,
        **run_options(args),
    )
    finish(lambda: train_restoration(asked), args.threads)


if __name__ == "__main__":
    main()
