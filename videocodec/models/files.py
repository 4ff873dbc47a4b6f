"""The files of a bundle: those in its folder, and those that it shares with a bundle of the
package instead of holding them twice.

``shared.json`` in a bundle's folder says which those are: an object of names in the bundle, with
slashes, each with the name of the bundle of the package that holds that file.  It is no part of the
model's identity, which is that of the files whichever folder they lie in.  No torch here.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import UnknownModelError
from .strict_json import read_json

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
TABLES_FILE = "codec/tables.safetensors"
SHARED_RECORD = "shared.json"
NETWORK_FOLDERS = ("vae", "unet", "motion_adapter", "scheduler")
UPSCALER = "upscaler"  # folder of a network for twice the size
UPSCALER_WEIGHTS = "diffusion_pytorch_model.safetensors"
POST_FILTER, POST_FILTER_WEIGHTS = "post_filter", "post_filter.safetensors"
# Of a text encoder, which only some bundles keep.
WORD_FILES = {
    "text_encoder": ("*.json", "*.safetensors"),
    "tokenizer": ("*.json", "*.txt"),
}
NETWORK_WEIGHTS = "diffusion_pytorch_model*.safetensors"


def bundle_files(folder: Path) -> dict[str, Path]:
    """All files that decoding depends on, in the order of their names: the name in the bundle, with
    slashes, and where it lies.

    A file in the folder goes before a shared one.  Raises ``UnknownModelError`` for a
    ``shared.json`` that names what the package does not have.
    """
    return dict(sorted((shared_files(folder) | own_files(folder)).items()))


def own_files(folder: Path) -> dict[str, Path]:
    """Those that lie in this very folder."""
    files = [folder / "model_index.json", folder / TABLES_FILE]
    files += [
        file
        for part in NETWORK_FOLDERS
        for pattern in ("*.json", "*.safetensors")
        for file in (folder / part).glob(pattern)
    ]
    files += [
        file
        for part, patterns in WORD_FILES.items()
        for pattern in patterns
        for file in (folder / part).glob(pattern)
    ]
    return {file.relative_to(folder).as_posix(): file for file in files if file.is_file()}


def shared_files(folder: Path) -> dict[str, Path]:
    """Those that lie in bundles of the package.

    Names are only compared with those of files that are there, and never become part of a path.
    Raises ``UnknownModelError``.
    """
    record = folder / SHARED_RECORD
    if not record.is_file():
        return {}
    files, places = {}, holders()
    for name, holder in read_json(record).items():
        if holder not in places:
            raise UnknownModelError(
                f"{record}: {str(holder)[:100]!r} is no bundle of this package that holds files for"
                f" others: copy {name[:100]!r} into this folder"
            )
        held = own_files(BUNDLES / str(holder))
        if name not in held:
            raise UnknownModelError(
                f"{record}: {holder} of this package has no file {name[:100]!r}: copy it into this"
                " folder"
            )
        files[name] = held[name]
    return files


def holders() -> list[str]:
    """Names of the bundles of the package that hold all their files themselves."""
    return sorted(file.parents[1].name for file in BUNDLES.glob(f"*/{TABLES_FILE}"))


def names_in(folder: Path) -> list[str]:
    """Names of the bundles below a folder, as they are looked for there."""
    names = {
        file.parents[depth].relative_to(folder).as_posix()
        for mark, depth in ((TABLES_FILE, 1), (SHARED_RECORD, 0))
        # Those that were fetched from the hub by hand lie in folders of their owners.
        for pattern in (f"*/{mark}", f"*/*/{mark}")
        for file in folder.glob(pattern)
    }
    return sorted(name for name in names if not name.startswith("."))


def is_bundle(folder: Path) -> bool:
    """Whether there are tables of the codec, or word of where they are."""
    return (folder / TABLES_FILE).is_file() or (folder / SHARED_RECORD).is_file()


def weights_folder(folder: Path, part: str) -> Path:
    """Where the weights of a network lie: in the bundle's own folder of that part, or in the one
    that it shares them with.  Raises ``UnknownModelError``.
    """
    for name, file in shared_files(folder).items():
        is_weights = name.startswith(f"{part}/") and file.match(NETWORK_WEIGHTS)
        if is_weights and not (folder / name).is_file():
            return file.parent
    return folder / part


def upscaler_folder(folder: Path) -> Path | None:
    """Where the network that makes pictures of twice the size lies: in the bundle's own folder, or,
    of a bundle of the package, in the one of them that holds it for all; None where there is none.
    It is no part of the model's identity: nothing that is coded depends on it.
    """
    places = [folder / UPSCALER]
    if folder.parent == BUNDLES:
        places += sorted(BUNDLES.glob(f"*/{UPSCALER}"))
    return next((place for place in places if (place / "config.json").is_file()), None)


def helper_files(folder: Path) -> dict[str, Path]:
    """The files of that network and of the post-filter, which go with an attached model: the name
    in the bundle and where it lies; none where there is none.
    """
    part = upscaler_folder(folder)
    found = [] if part is None else [part / "config.json", part / UPSCALER_WEIGHTS]
    found.append(folder / POST_FILTER / POST_FILTER_WEIGHTS)
    return {f"{file.parent.name}/{file.name}": file for file in found if file.is_file()}


def has_upscaler(folder: Path) -> bool:
    """Whether a bundle has such a network."""
    return upscaler_folder(folder) is not None


def has_post_filter(folder: Path) -> bool:
    """Whether a bundle has one.  It is no part of the model's identity either."""
    return (folder / POST_FILTER / POST_FILTER_WEIGHTS).is_file()


def has_text_encoder(folder: Path) -> bool:
    """Whether a bundle holds a stock UNet with a text encoder and its tokenizer, so that captions
    of a stream can condition it.
    """
    parts = ("unet/conditioning.safetensors", "text_encoder/config.json", "tokenizer")
    return all((folder / part).exists() for part in parts)
