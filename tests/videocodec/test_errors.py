"""Every exception of the two packages: one root, a builtin beside it, and nothing lost on the way
to another process.
"""

from __future__ import annotations

import builtins
import copy
import importlib
import pickle
import pkgutil

import pytest

import bitstream
import videocodec
from bitstream.errors import BitstreamError, FieldError, LatentVideoError
from videocodec import errors
from videocodec.errors import (
    DamagedFrameError,
    OutputError,
    UnfinishedPlanError,
    VideoCodecError,
)
from videocodec.signals import Ended

# Arguments of the constructors that take something else than a message.
_ARGUMENTS = {
    FieldError: ("width", 5, "must be 1..65535, got 0"),
    DamagedFrameError: ("clip.lv.mp4", 10, 19, "access unit 2 is damaged", 20),
    Ended: (15,),
    UnfinishedPlanError: ((3, 8), 2, 10),
}
_ROOTS = {LatentVideoError, VideoCodecError}  # which resemble no builtin


def exception_classes() -> list[type[BaseException]]:
    """All that a module of the two packages defines."""
    found: dict[type[BaseException], None] = {}
    for package in (bitstream, videocodec):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for value in vars(importlib.import_module(module.name)).values():
                if (
                    isinstance(value, type)
                    and issubclass(value, BaseException)
                    and value.__module__.split(".")[0] == package.__name__
                ):
                    found[value] = None
    return list(found)


CLASSES = exception_classes()
ERRORS = [kind for kind in CLASSES if not issubclass(kind, Warning) and kind is not Ended]


def made(kind: type[BaseException]) -> BaseException:
    """One with a note, as a caller may have added it."""
    error = kind(*_ARGUMENTS.get(kind, ("clip.mp4: something is wrong: do something",)))
    error.add_note("finished parts are kept")
    return error


def facts(error: BaseException) -> tuple[object, ...]:
    """What must stay the same."""
    return type(error), str(error), error.args, vars(error)


def test_all_modules_are_walked():
    assert {FieldError, DamagedFrameError, Ended, OutputError} <= set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(kind, protocol):
    error = made(kind)
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_an_error_survives_copying(kind, copied):
    error = made(kind)
    assert facts(copied(error)) == facts(error)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_has_the_one_root_and_a_builtin_beside_it(kind):
    assert issubclass(kind, videocodec.LatentVideoError)
    assert issubclass(kind, BitstreamError) != issubclass(kind, VideoCodecError) or kind in _ROOTS
    resembled = [base for base in kind.__mro__ if base.__module__ == builtins.__name__]
    assert len(resembled) > len([Exception, BaseException, object]) or kind in _ROOTS


@pytest.mark.parametrize("kind", ERRORS)
def test_a_located_error_stays_what_it_is(kind):
    error = made(kind)
    located = error.located("clip.lv.mp4: access unit 3")
    assert type(located) is kind
    assert str(located) == f"clip.lv.mp4: access unit 3: {error}"
    assert vars(located) == vars(error) | {"place": "clip.lv.mp4: access unit 3"}
    assert str(located.located("copy")) == f"copy: {located}"
    located.add_note("another")
    assert error.__notes__ == ["finished parts are kept"]


def test_what_is_known_of_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(made(DamagedFrameError)))
    assert (error.first, error.last, error.resumes_at) == (10, 19, 20)
    field = pickle.loads(pickle.dumps(made(FieldError)))
    assert (field.field, field.offset) == ("width", 5)


def test_the_errors_of_both_packages_are_at_hand_in_one_module():
    there = {kind.__name__ for kind in CLASSES if kind.__module__.endswith(".errors")}
    assert set(errors.__all__) == there
