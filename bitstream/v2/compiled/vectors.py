"""Short vectors of numbers in kernels, for loops that are too short for the compiler to see them.

They are LLVM's vectors, which every machine has, in as many instructions as it takes.  Sums and
products of integers wrap around at their bits; floats are those of ``depthwise`` layers alone, and
hold integers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.cgutils import get_or_insert_function
from numba.core.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array


class Lanes(types.Type):
    """So many integers of so many bits, or floats of 32."""

    def __init__(self, bits: int, count: int, floats: bool = False) -> None:
        self.bits, self.count, self.floats = bits, count, floats
        super().__init__(name=f"Lanes({bits}, {count}, {floats})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, _vector(kind))


def _vector(kind: Lanes) -> ir.VectorType:
    number = ir.FloatType() if kind.floats else ir.IntType(kind.bits)
    return ir.VectorType(number, kind.count)


def _filled(builder: Any, kind: Lanes, value: Any) -> Any:
    """The same number in all lanes."""
    narrow = builder.trunc(value, ir.IntType(kind.bits))
    vector = ir.Constant(_vector(kind), ir.Undefined)
    first = builder.insert_element(vector, narrow, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, vector, everywhere)


def _pointer(context: Any, builder: Any, lanes: Lanes, kind: Any, arguments: Any) -> Any:
    """Where lanes lie that begin at a place of a flat array."""
    array, place = arguments
    data = make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _vector(lanes).as_pointer())


@intrinsic(prefer_literal=True)
def load(typing: Any, array: Any, place: Any, count: Any) -> Any:
    """As many samples of a flat array, from ``place`` on, as the constant ``count`` says."""
    floats = isinstance(array.dtype, types.Float)
    lanes = Lanes(array.dtype.bitwidth, count.literal_value, floats)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, lanes, signature.args[0], arguments[:2])
        return builder.load(pointer, align=lanes.bits // 8)

    return lanes(array, types.intp, count), generate


@intrinsic
def store(typing: Any, array: Any, place: Any, lanes: Any) -> Any:
    """Put lanes into a flat array, from ``place`` on, cut to its bits."""
    narrow = Lanes(array.dtype.bitwidth, lanes.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, narrow, signature.args[0], arguments[:2])
        value = arguments[2]
        if narrow.bits < lanes.bits:
            value = builder.trunc(value, _vector(narrow))
        builder.store(value, pointer, align=narrow.bits // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def wide(typing: Any, lanes: Any) -> Any:
    """The same numbers in 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if lanes.bits == 32:
            return arguments[0]
        return builder.sext(arguments[0], _vector(signature.return_type))

    return Lanes(32, lanes.count)(lanes), generate


@intrinsic
def from_bytes(typing: Any, lanes: Any) -> Any:
    """Lanes of 8 bits that are never negative, in 16."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(arguments[0], _vector(signature.return_type))

    return Lanes(16, lanes.count)(lanes), generate


@intrinsic
def pairs(typing: Any, one: Any, other: Any) -> Any:
    """Pairs of two lanes of 16 bits, as lanes of 32: the first ones in the lower bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        order = [place for lane in range(one.count) for place in (lane, one.count + lane)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * one.count), order)
        both = builder.shuffle_vector(*arguments, mask)
        return builder.bitcast(both, _vector(signature.return_type))

    return Lanes(32, one.count)(one, other), generate


def _every_second(first: int) -> Any:
    def lanes_of(typing: Any, one: Any, other: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            order = [2 * lane + first for lane in range(one.count)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), one.count), order)
            return builder.shuffle_vector(*arguments, mask)

        return one(one, other), generate

    return lanes_of


evens = intrinsic(_every_second(0))  # the first, third and so on of two lanes
odds = intrinsic(_every_second(1))  # those between


@intrinsic
def joined(typing: Any, one: Any, other: Any) -> Any:
    """Lanes, and others after them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        order = list(range(2 * one.count))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * one.count), order)
        return builder.shuffle_vector(*arguments, mask)

    return Lanes(one.bits, 2 * one.count)(one, other), generate


@intrinsic
def plus(typing: Any, one: Any, other: Any) -> Any:
    """Sums of lanes and lanes, or a number."""
    return _both(one, other, lambda builder, *both: builder.add(*both))


@intrinsic
def minus(typing: Any, one: Any, other: Any) -> Any:
    """Differences of lanes and lanes, or a number."""
    return _both(one, other, lambda builder, *both: builder.sub(*both))


@intrinsic
def times(typing: Any, one: Any, other: Any) -> Any:
    """Products of lanes and lanes, or a number."""
    return _both(one, other, lambda builder, *both: builder.mul(*both))


@intrinsic
def shifted(typing: Any, one: Any, other: Any) -> Any:
    """Lanes over 2^other, rounded down."""
    return _both(one, other, lambda builder, *both: builder.ashr(*both))


@intrinsic
def lesser(typing: Any, one: Any, other: Any) -> Any:
    """The lesser of lanes and lanes, or a number."""
    return _both(
        one,
        other,
        lambda builder, *both: builder.select(builder.icmp_signed("<", *both), *both),
    )


@intrinsic
def greater(typing: Any, one: Any, other: Any) -> Any:
    """The greater of lanes and lanes, or a number."""
    return _both(
        one,
        other,
        lambda builder, *both: builder.select(builder.icmp_signed(">", *both), *both),
    )


@njit(nogil=True, error_model="numpy")
def limited(numbers, limit):
    """Lanes within ±limit."""
    return lesser(greater(numbers, -limit), limit)


def _both(one: Any, other: Any, made_of: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, second = arguments
        if not isinstance(other, Lanes):
            second = context.cast(builder, second, signature.args[1], types.int64)
            second = _filled(builder, one, second)
        return made_of(builder, first, second)

    return one(one, other), generate


@intrinsic
def distance(typing: Any, one: Any, other: Any) -> Any:
    """Absolute differences of lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        difference = builder.sub(*arguments)
        zero = ir.Constant(_vector(one), [0] * one.count)
        negative = builder.icmp_signed("<", difference, zero)
        return builder.select(negative, builder.sub(zero, difference), difference)

    return one(one, other), generate


@intrinsic
def total(typing: Any, lanes: Any) -> Any:
    """The sum of all lanes, none of which is negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(32), lanes.count)
        reduce = get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.IntType(32), [vector]),
            f"llvm.vector.reduce.add.v{lanes.count}i32",
        )
        found = builder.call(reduce, [builder.zext(arguments[0], vector)])
        return builder.zext(found, ir.IntType(64))

    return types.int64(lanes), generate
