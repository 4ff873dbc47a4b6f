"""Put a trained temporal UNet into a bundle, with the noise schedule it was trained for.

    python -m tools.train.install_unet --unet TRAINING_OUTPUT --bundle DIR

The bundle gets another identity: streams made before need the bundle as it was.
"""

from __future__ import annotations

from pathlib import Path

from tools.train.options import command
from videocodec.training.install import install_restoration


def main() -> None:
    """Parse the arguments and install."""
    parser = command(__doc__)
    parser.add_argument(
        "--unet", type=Path, required=True, help="output folder of tools.train.unet"
    )
    parser.add_argument("--bundle", type=Path, required=True)
    args = parser.parse_args()
    print(f"{args.bundle}: model {install_restoration(args.unet, args.bundle)[:16]}")


if __name__ == "__main__":
    main()
