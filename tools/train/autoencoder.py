"""Train the first autoencoder from folders of pictures, going on from committed weights.

    python -m tools.train.autoencoder --pictures DIR --lpips FILE --steps 2000 --output DIR

Starts from the embedded bundle (or ``--init DIR``), trains on random crops with a quantiser step
drawn log-uniformly for every picture, and keeps the weights (an exponential moving average) with
the best figure on held-out pictures.  Writes ``autoencoder.safetensors`` and
``rate_model.safetensors`` (float16), appends to ``train.log``, and keeps its state in
``checkpoint/``, with which the same command goes on.  ``python -m tools.train.calibrate`` makes a
bundle of the output.  The training is ``videocodec.training.autoencoder``, where the loss is
explained.
"""

from __future__ import annotations

from pathlib import Path

from tools.train.options import add_run_options, command, finish, run_options
from videocodec.models.files import BUNDLES
from videocodec.training.autoencoder import AutoencoderTraining, train_autoencoder


def main() -> None:
    """Parse the arguments and train."""
    parser = command(__doc__)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    parser.add_argument("--init", type=Path, default=BUNDLES / "embedded")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument(
        "--decoder-only",
        action="store_true",
        help="leave encoder and rate model: the bundle's tables stay right",
    )
    add_run_options(parser, steps=2000, learning_rate=3e-4, look_every=500)
    args = parser.parse_args()
    asked = AutoencoderTraining(
        pictures=args.pictures,
        batch=args.batch,
        crop=args.crop,
        decoder_only=args.decoder_only,
        **run_options(args),
    )
    finish(lambda: train_autoencoder(asked), args.threads)


if __name__ == "__main__":
    main()
