"""What a terminal sends for the keys of the player."""

from __future__ import annotations

import re

# Of xterm and its kin in both cursor modes, of rxvt, and of the Linux console.
_SEQUENCES = {
    b"\x1b[C": "right",
    b"\x1bOC": "right",
    b"\x1b[D": "left",
    b"\x1bOD": "left",
    b"\x1b[1;2C": "shift+right",
    b"\x1b[c": "shift+right",
    b"\x1b[1;2D": "shift+left",
    b"\x1b[d": "shift+left",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[7~": "home",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
    b"\x1b[8~": "end",
}
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?<]*[@-~]|O[@-~]|\[[0-9;?<]*$|O?$)")
_NAMES = {" ": "space", "\x7f": "backspace", "\b": "backspace"}


class KeyParser:
    """Bytes as they come, which may end in the middle of a sequence, to names of keys.

    Keys that write something have it as their name, apart from space and backspace; sequences that
    mean nothing to a player are dropped.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete by now."""
        data, keys = self._rest + data, []
        while data:
            match = _SEQUENCE.match(data)
            if match is None:
                character = data[:1].decode("ascii", "ignore")
                data = data[1:]
                if character and character != "\x1b":
                    keys.append(_NAMES.get(character, character))
                continue
            if (
                match.end() == len(data)
                and match[0][-1:] in b"\x1b[O0123456789;?<"
                and match[0] not in _SEQUENCES
            ):
                break  # more of it is on its way
            data = data[match.end() :]
            if match[0] in _SEQUENCES:
                keys.append(_SEQUENCES[match[0]])
        self._rest = data
        return keys
