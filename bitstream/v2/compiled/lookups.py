"""Entries of tables, as many at once as a vector has lanes, where that is quicker than one by one.

Processors before those that have 16-bit floats gather slowly, or were made to by what was found in
2023 (Downfall).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

from .products import FEATURES, HAS_512
from .vectors import Lanes

IS_QUICK = HAS_512 and "+avx512fp16" in FEATURES
_BYTES, _LANES = 2, 16
_I1, _I8, _I32 = ir.IntType(1), ir.IntType(8), ir.IntType(32)


@intrinsic
def looked_up(typing: Any, table: Any, places: Any) -> Any:
    """Entries of a flat table of 16-bit integers, with one more at its end that nobody asks for, at
    16 places: lanes of 32 bits, whose lower halves are the entries.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, mask = ir.VectorType(_I32, _LANES), ir.VectorType(_I1, _LANES)
        form = ir.FunctionType(vector, [vector, _I8.as_pointer(), vector, mask, _I32])
        gather = cgutils.get_or_insert_function(
            builder.module, form, "llvm.x86.avx512.mask.gather.dpi.512"
        )
        start = make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.call(
            gather,
            [
                ir.Constant(vector, [0] * _LANES),
                builder.bitcast(start, _I8.as_pointer()),
                arguments[1],
                ir.Constant(mask, [1] * _LANES),
                _I32(_BYTES),
            ],
        )

    return Lanes(32, _LANES)(table, places), generate
