"""Motion vectors as single integers in kernels, as ``motion_vectors`` has them in NumPy."""

from __future__ import annotations

from ...v1.prediction import VECTOR_LIMIT
from .jit import part

_KEY_BITS = 32
_HALF = 1 << (_KEY_BITS - 1)
UNKNOWN_KEY = 1 << 2 * _KEY_BITS - 2  # of no vector


@part
def _row(key):
    return (key + _HALF) >> _KEY_BITS


@part
def key_of(down, across):
    """``motion_vectors.keys_of``."""
    return (down << _KEY_BITS) + across


@part
def vector_of(key):
    """The inverse."""
    down = _row(key)
    return down, key - (down << _KEY_BITS)


@part
def _scaled_component(component, distance, over):
    if over < 0:
        distance, over = -distance, -over
    if distance == over:
        return component
    if distance == -over:
        return -component
    made = (2 * distance * component + over) // (2 * over)
    return min(max(made, -VECTOR_LIMIT), VECTOR_LIMIT)


@part
def scaled_key(key, distance, over):
    """``motion_vectors.scaled_keys``."""
    if distance == -over:
        return -key
    down = _row(key)
    across = key - (down << _KEY_BITS)
    made = _scaled_component(down, distance, over) << _KEY_BITS
    return made + _scaled_component(across, distance, over)
