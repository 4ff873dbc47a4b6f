"""Words of memory that several threads change, and arrays that are known by their address."""

from __future__ import annotations

from platform import machine
from typing import Any

from llvmlite import ir
from numba import carray, types
from numba.core.cgutils import get_or_insert_function
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

from .jit import part

_ORDER = "seq_cst"
_HAS_PAUSE = machine() in ("x86_64", "AMD64")
_ENDLESS = 1 << 40  # nobody asks such an array how long it is


def _word(context: Any, builder: Any, kind: Any, arguments: Any) -> Any:
    return builder.gep(make_array(kind)(context, builder, arguments[0]).data, [arguments[1]])


@intrinsic
def added(typing: Any, words: Any, place: Any, number: Any) -> Any:
    """Add to a word → what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = _word(context, builder, signature.args[0], arguments)
        return builder.atomic_rmw("add", word, arguments[2], _ORDER)

    return types.int64(words, types.int64, types.int64), generate


@intrinsic
def seen(typing: Any, words: Any, place: Any) -> Any:
    """A word as it is now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = _word(context, builder, signature.args[0], arguments)
        return builder.load_atomic(word, _ORDER, 8)

    return types.int64(words, types.int64), generate


@intrinsic
def put(typing: Any, words: Any, place: Any, number: Any) -> Any:
    """Change a word."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = _word(context, builder, signature.args[0], arguments)
        builder.store_atomic(arguments[2], word, _ORDER, 8)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), generate


@intrinsic
def pause(typing: Any) -> Any:
    """Wait for some ten nanoseconds, where a processor can, which leaves its parts to others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if _HAS_PAUSE:
            form = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse2.pause"
            builder.call(get_or_insert_function(builder.module, form, name), [])
        return context.get_dummy_value()

    return types.void(), generate


def _pointer(kind: Any) -> Any:
    @intrinsic
    def pointer(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), generate

    return pointer


_to_8, _to_16, _to_32, _to_64 = (
    _pointer(kind) for kind in (types.uint8, types.int16, types.int32, types.int64)
)


@part
def at_8(address):
    """Bytes from an address on."""
    return carray(_to_8(address), (_ENDLESS,))


@part
def at_16(address):
    """Integers of 16 bits from an address on."""
    return carray(_to_16(address), (_ENDLESS,))


@part
def at_32(address):
    """The same of 32 bits."""
    return carray(_to_32(address), (_ENDLESS,))


@part
def at_64(address):
    """The same of 64 bits."""
    return carray(_to_64(address), (_ENDLESS,))
