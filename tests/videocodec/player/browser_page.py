"""A page of the player in a real browser, for tests."""

from __future__ import annotations

import base64

import numpy as np

PIXELS = """id => {
  const canvas = document.getElementById(id);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const text = Array.from(data, (value) => String.fromCharCode(value)).join("");
  return [canvas.width, canvas.height, btoa(text)];
}"""


def is_complaint(message: object) -> bool:
    """Whether a line on the console is one that a good page never causes; these tests themselves
    read canvases back.
    """
    return message.type in ("error", "warning") and "getImageData" not in message.text


class Page:
    """A page of a player, with short names for what tests do, which notes everything that a good
    page never does.
    """

    def __init__(
        self, browser: object, player: object, *, hash: str = "", **context: object
    ) -> None:
        self.player, self.wrong = player, []
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **context}
        )
        self.page = page = self.context.new_page()
        own = f"http://127.0.0.1:{player.port}/"
        self.context.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((own, "blob:" + own))
                else self.wrong.append(request.url)
            ),
        )
        page.on(
            "console",
            lambda message: self.wrong.append(message.text) if is_complaint(message) else None,
        )
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on(
            "response",
            lambda response: (
                self.wrong.append(f"{response.status} {response.url}")
                if response.status >= 500
                else None
            ),
        )
        page.goto(player.server.address + hash)
        page.locator('body[data-ready="yes"]').wait_for()

    def shows(self, index: int, attribute: str = "shown") -> None:
        """Waits until a frame is on the screen."""
        self.page.locator(f'body[data-{attribute}="{index}"]').wait_for(timeout=60_000)

    def has_drawn(self, index: int, overlay: str) -> None:
        self.page.locator(f'body[data-informed="{index} {overlay}"]').wait_for(timeout=60_000)

    def pixels(self, canvas: str = "picture") -> np.ndarray:
        """(h, w, 4) uint8."""
        width, height, data = self.page.evaluate(PIXELS, canvas)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)

    def picture(self, canvas: str = "picture") -> np.ndarray:
        """(H, W, 3) of an opaque canvas."""
        found = self.pixels(canvas)
        assert (found[..., 3] == 255).all()
        return found[..., :3]

    def draws(self, expected: np.ndarray, canvas: str = "picture") -> None:
        """Wait until a canvas has this picture, which comes after the texts of the page."""
        for _ in range(200):
            if np.array_equal(self.picture(canvas), expected):
                return
            self.page.wait_for_timeout(50)
        assert np.array_equal(self.picture(canvas), expected)

    def leave(self) -> None:
        """Close it, before the player ends."""
        self.context.close()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, field: str, value: str) -> None:
        self.page.select_option(f"#{field}", value)


class Expected(list):
    """A list that keeps out what was to be expected."""

    def __init__(self, items: list[str], text: str) -> None:
        self._text = text
        super().__init__(item for item in items if text not in item)

    def append(self, item: str) -> None:
        if self._text not in item:
            super().append(item)
