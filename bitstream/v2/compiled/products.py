"""Matrix products of 16-bit integers in 32-bit sums, by the instructions that processors have for
pairs of them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.core.registry import cpu_target
from numba.np.arrayobj import make_array

binding.initialize_native_asmparser()
_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
HAS_512, HAS_DOT_PRODUCTS = "+avx512bw" in FEATURES, "+avx512vnni" in FEATURES
IS_FAST = HAS_512 or "+avx2" in FEATURES
LANES = 16 if HAS_512 else 8
# Vectors of sums that a tile holds, downwards and across, beside what they are made of.
ROWS, COLUMNS = (4, 6) if HAS_512 else (3, 3)
# Rows of those one or two vectors across, enough of them that none waits for its own sums.
TILE_ROWS = (16, 8) if HAS_512 else (8, 4)
# Pairs of inputs between one jump and the next: where long loops end a processor guesses wrong.
_AT_ONCE, _MADE_AT_ONCE = 4, 8
_SUMS, _PAIRS = ir.VectorType(_I32, LANES), ir.VectorType(_I16, 2 * LANES)


def _added(builder: Any, sums: Any, one: Any, other: Any) -> Any:
    """Sums, and two products more in each."""
    if HAS_DOT_PRODUCTS:
        # As it stands, or LLVM takes it apart into two instructions.
        form = ir.FunctionType(_SUMS, [_PAIRS, _PAIRS, _SUMS])
        return builder.asm(form, "vpdpwssd $2, $1, $0", "=v,v,v,0", [one, other, sums], False)
    name = "llvm.x86.avx512.pmaddw.d.512" if HAS_512 else "llvm.x86.avx2.pmadd.wd"
    form = ir.FunctionType(_SUMS, [_PAIRS, _PAIRS])
    multiply = cgutils.get_or_insert_function(builder.module, form, name)
    return builder.add(sums, builder.call(multiply, [one, other]))


def _everywhere(builder: Any, place: Any) -> Any:
    """The pair of inputs at a place, as often as a vector has room for it."""
    pair = builder.load(builder.bitcast(place, _I32.as_pointer()), align=2)
    vector = builder.insert_element(ir.Constant(_SUMS, ir.Undefined), pair, _I32(0))
    vector = builder.shuffle_vector(vector, vector, ir.Constant(_SUMS, [0] * LANES))
    return builder.bitcast(vector, _PAIRS)


def _vector(builder: Any, start: Any, place: Any, kind: Any) -> Any:
    """Where a vector lies, so far behind a start."""
    return builder.bitcast(builder.gep(start, [place]), kind.as_pointer())


@intrinsic
def add_pairs(typing: Any, sums: Any, one: Any, other: Any) -> Any:
    """Sums in 32 bits, and the two products more that each pair of 16-bit integers makes with
    another one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        before, *pairs = arguments
        return _added(builder, before, *(builder.bitcast(pair, _PAIRS) for pair in pairs))

    return sums(sums, one, other), generate


def _sum_products(
    builder: Any, starts: Any, count: Any, strides: Any, held: Any, tile: Any, at_once: int
) -> None:
    """Add products to sums that are held.

    starts: of inputs and of weights.  count: pairs of inputs.  strides: from a row of inputs to the
    next, from one pair of rows of weights to the next.  tile: rows, vectors across.  at_once: pairs
    between one jump and the next.
    """
    many = builder.udiv(count, _I64(at_once))
    with cgutils.for_range(builder, many) as loop:
        first = builder.mul(loop.index, _I64(at_once))
        for step in range(at_once):
            pair = builder.add(first, _I64(step))
            _sum_pair(builder, starts, pair, strides, held, tile)
    done = builder.mul(many, _I64(at_once))
    with cgutils.for_range(builder, builder.sub(count, done)) as loop:
        _sum_pair(builder, starts, builder.add(done, loop.index), strides, held, tile)


def _sum_pair(builder: Any, starts: Any, number: Any, strides: Any, held: Any, tile: Any) -> None:
    """The products of one pair of inputs of every row."""
    (one, other), (by_input, by_weight), (high, across) = starts, strides, tile
    start = builder.gep(other, [builder.mul(number, by_weight)])
    seen = [
        builder.load(_vector(builder, start, _I64(2 * LANES * n), _PAIRS), align=2)
        for n in range(across)
    ]
    pair = builder.mul(number, _I64(2))
    for row in range(high):
        place = builder.add(builder.mul(by_input, _I64(row)), pair)
        two = _everywhere(builder, builder.gep(one, [place]))
        for n in range(across):
            into = held[row * across + n]
            builder.store(_added(builder, builder.load(into), two, seen[n]), into)


def _starts(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Of inputs, weights and sums, where ``places`` says."""
    return [
        builder.gep(
            make_array(kind)(context, builder, array).data,
            [builder.extract_value(arguments[3], n)],
        )
        for n, (kind, array) in enumerate(zip(signature.args[:3], arguments[:3], strict=True))
    ]


def _places(builder: Any, out: Any, by_sum: Any, tile: Any) -> list[Any]:
    """Where the vectors of a tile lie."""
    return [
        _vector(builder, out, builder.add(builder.mul(by_sum, _I64(row)), _I64(LANES * n)), _SUMS)
        for row in range(tile[0])
        for n in range(tile[1])
    ]


@intrinsic(prefer_literal=True)
def add_tile(
    typing: Any, inputs: Any, weights: Any, sums: Any, places: Any, sizes: Any, tile: Any
) -> Any:
    """Add to a tile of sums what inputs and weights make.

    inputs, weights (flat int16), sums (flat int32).  places: where the tile's first ones lie.
    sizes: pairs of inputs; from a row of inputs to the next, from one pair of rows of weights to
    the next, from one row of sums to the next.  tile: a constant, 10 · rows + vectors across.
    """
    if not isinstance(tile, types.IntegerLiteral):
        return None
    high, across = divmod(tile.literal_value, 10)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, by_input, by_weight, by_sum = (
            builder.extract_value(arguments[4], n) for n in range(4)
        )
        *starts, out = _starts(context, builder, signature, arguments)
        places = _places(builder, out, by_sum, (high, across))
        held = [
            cgutils.alloca_once_value(builder, builder.load(place, align=4)) for place in places
        ]
        strides, shape = (by_input, by_weight), (high, across)
        _sum_products(builder, starts, count, strides, held, shape, _AT_ONCE)
        for place, into in zip(places, held, strict=True):
            builder.store(builder.load(into), place, align=4)
        return context.get_dummy_value()

    return types.void(inputs, weights, sums, places, sizes, tile), generate


@intrinsic(prefer_literal=True)
def make_tile(
    typing: Any, inputs: Any, weights: Any, sums: Any, places: Any, sizes: Any, tile: Any
) -> Any:
    """Put into a tile of sums what inputs and weights make.

    inputs, weights, sums, places: as of ``add_tile``; rows of inputs are 32 apart.  sizes: pairs of
    inputs, from one row of sums to the next.  tile: a constant, 100 · rows + 10 ·
    vectors across, and 1 more if it is to be added to what is there.
    """
    if not isinstance(tile, types.IntegerLiteral):
        return None
    high, across, adds = (
        tile.literal_value // 100,
        tile.literal_value // 10 % 10,
        tile.literal_value % 10,
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        count, by_sum = (builder.extract_value(arguments[4], n) for n in range(2))
        *starts, out = _starts(context, builder, signature, arguments)
        places = _places(builder, out, by_sum, (high, across))
        held = [
            cgutils.alloca_once_value(
                builder,
                builder.load(place, align=4) if adds else ir.Constant(_SUMS, [0] * LANES),
            )
            for place in places
        ]
        strides = _I64(32), _I64(2 * LANES * across)
        _sum_products(builder, starts, count, strides, held, (high, across), _MADE_AT_ONCE)
        for place, into in zip(places, held, strict=True):
            builder.store(builder.load(into), place, align=4)
        return context.get_dummy_value()

    return types.void(inputs, weights, sums, places, sizes, tile), generate
