"""What holds for the tree as a whole: who imports whom, and how long things are."""

from __future__ import annotations

import ast

from .architecture import (
    ROOT,
    circles,
    functions,
    import_graph,
    imports,
    mentions,
    modules,
    parameters,
    parsed,
    private_names,
    private_uses,
    python_files,
)

MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_FUNCTION = 60  # of its body, without the docstring
MOST_PARAMETERS = 7
# Options of the commands, given by keyword; and diffusers' config.json, which is a constructor's
# parameters.
PUBLIC = {"calibrate", "decode", "decode_frames", "encode", "ladder", "still_ladder"}
PUBLIC |= {"VideoReader.__init__"}
CONFIGURED = {"videocodec/models/latent_autoencoder.py", "videocodec/models/temporal_unet.py"}
NEURAL = ("torch", "torchvision", "diffusers", "transformers", "videocodec")


def importers(of: str, within: str) -> list[str]:
    """``module imports name`` for every import of a package or what is in it."""
    return [
        f"{module} imports {name}"
        for module, file in modules().items()
        if f"{module}.".startswith(within)
        for name in imports(file)
        if f"{name}.".startswith(f"{of}.")
    ]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(import_graph()) == []


def test_encoder_imports_nothing_of_the_decoder() -> None:
    assert importers("videocodec.decoder", within="videocodec.encoder.") == []


def test_decoder_and_restoration_import_nothing_of_the_encoder() -> None:
    assert importers("videocodec.encoder", within="videocodec.decoder.") == []
    assert importers("videocodec.encoder", within="videocodec.restoration.") == []
    assert importers("videocodec.decoder", within="videocodec.restoration.") == []


def test_bitstream_imports_no_network_and_nothing_above_it() -> None:
    found = [line for name in NEURAL for line in importers(name, within="bitstream.")]
    assert found == []


def test_packages_import_nothing_of_tests_and_tools() -> None:
    found = [
        line
        for package in ("bitstream.", "videocodec.")
        for above in ("tests", "tools")
        for line in importers(above, within=package)
    ]
    assert found == []


def test_nothing_changes_the_path_of_imports() -> None:
    found = [
        file
        for file in python_files()
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute)
        and node.attr == "path"
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    ]
    assert found == []


def test_modules_are_short() -> None:
    assert [
        file
        for file in python_files()
        if len((ROOT / file).read_text().splitlines()) > MOST_LINES_OF_A_MODULE
    ] == []


def test_functions_are_short() -> None:
    assert [
        f"{file}:{name}"
        for file in python_files()
        for name, lines in functions(file)
        if lines > MOST_LINES_OF_A_FUNCTION
    ] == []


def test_parameter_lists_are_short() -> None:
    assert [
        f"{file}:{name}"
        for file in sorted(set(modules().values()) - CONFIGURED)
        for name, count in parameters(file)
        if count > MOST_PARAMETERS and name not in PUBLIC
    ] == []


def test_tests_use_no_private_names_of_the_code() -> None:
    """So that what is inside can be changed without them; what a test calls is public, and says
    what it does.
    """
    files = python_files()
    tests = {file for file in files if file.startswith("tests/")}
    code = set[str]().union(*map(private_names, set(files) - tests))
    own = set[str]().union(*map(private_names, tests))  # their helpers may be called the same
    private = code - own
    assert [
        f"{file}:{line}: {name}"
        for file in sorted(tests)
        if mentions(file, private)
        for name, line in private_uses(file)
        if name in private
    ] == []
