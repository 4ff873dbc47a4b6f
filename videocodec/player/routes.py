"""The player's protocol: which address gives what.  docs/player.md describes it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from importlib.resources import files

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import DamagedFrameError, LatentVideoError
from .measures import MEASURES, Measures
from .played import PlayedFile
from .presence import Presence
from .queries import count_of, settings_of, share_of
from .sound import Sound

# The page, and nothing else that lies in the package.
STATIC_FILES = {
    "app.js": "text/javascript",
    "buffering.js": "text/javascript",
    "client.js": "text/javascript",
    "clocks.js": "text/javascript",
    "compare.js": "text/javascript",
    "controls.js": "text/javascript",
    "crop.js": "text/javascript",
    "curves.js": "text/javascript",
    "dom.js": "text/javascript",
    "file.js": "text/javascript",
    "format.js": "text/javascript",
    "frames.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "inspecting.js": "text/javascript",
    "keys.js": "text/javascript",
    "legend.js": "text/javascript",
    "measuring.js": "text/javascript",
    "overlays.js": "text/javascript",
    "page.js": "text/javascript",
    "panel.js": "text/javascript",
    "playback.js": "text/javascript",
    "sides.js": "text/javascript",
    "slow.js": "text/javascript",
    "stage.js": "text/javascript",
    "style.css": "text/css",
    "theme.js": "text/javascript",
    "timeline.js": "text/javascript",
}
_MOST_DIGITS = 12  # of a frame's number
# one is made, and as long as another waits for it the reader does not turn to something else
_PICTURES_AT_ONCE = 2
_EVENT_SECONDS = 0.25
_KEEP_ALIVE_SECONDS = 5.0
_MESSAGES_AT_ONCE = 2000


class Routes:
    """The answers to everything that the page asks.

    Addresses take ``?file=N`` for another file than the first, 0.

    Few requests for pictures are answered at once: a page that has moved on has closed those it no
    longer wants, and they are passed over while they wait.
    """

    def __init__(
        self,
        played: Sequence[PlayedFile],
        sound: Sound | None,
        presence: Presence,
        stopping: Callable[[], bool],
    ) -> None:
        self._files, self._sound = played, sound
        self._presence, self._stopping = presence, stopping
        self._measures = [Measures(file) for file in played]
        self._pictures, self._thumbnails, self._originals, self._measuring = (
            asyncio.Semaphore(count) for count in (_PICTURES_AT_ONCE, 1, 1, 1)
        )

    def app(self) -> Starlette:
        """The application, without its guard."""
        routes = [
            Route("/", self.page),
            Route("/static/{name}", self.static),
            Route("/api/clip", self.clip),
            Route("/api/frame/{index}", self.frame),
            Route("/api/frame/{index}/between", self.between),
            Route("/api/frame/{index}/details", self.details),
            Route("/api/frame/{index}/bits", self.bits),
            Route("/api/frame/{index}/png", self.png),
            Route("/api/frame/{index}/measure", self.measure),
            Route("/api/original/{index}", self.original),
            Route("/api/thumbnail/{index}", self.thumbnail),
            Route("/api/sound", self.sound),
            Route("/api/events", self.events),
        ]
        handlers = {
            HTTPException: _http_error,
            LatentVideoError: _known_error,
            OSError: _known_error,
        }
        handlers |= {MemoryError: _known_error, Exception: _unknown_error}
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False
        return app

    async def page(self, _: Request) -> Response:
        """The page."""
        return _file("index.html", "text/html")

    async def static(self, request: Request) -> Response:
        """A file of the page, from a fixed list."""
        name = request.path_params["name"]
        if name not in STATIC_FILES:
            raise HTTPException(404, "no such file")
        return _file(name, STATIC_FILES[name])

    async def clip(self, request: Request) -> Response:
        """What a file is, and the names of all files."""
        described = await run_in_threadpool(self._file(request).describe)
        return JSONResponse(described | {"files": [file.path.name for file in self._files]})

    async def frame(self, request: Request) -> Response:
        """A picture, or several in a row: width · height · 4 bytes each, RGBA."""
        file, index = self._frame(request)
        what = index, settings_of(request), count_of(request)
        return await self._made(request, partial(file.pictures, *what))

    async def between(self, request: Request) -> Response:
        """A picture made up for a time between a frame and the next; nothing where none may be."""
        file, index = self._frame(request)
        place = index, share_of(request), settings_of(request)
        return await self._made(request, partial(file.picture_between, *place))

    async def _made(self, request: Request, make: Callable[[], bytes | None]) -> Response:
        async with self._pictures:
            if await request.is_disconnected():
                return Response(status_code=499)
            data = await run_in_threadpool(make)
        if data is None:
            return Response(status_code=204)
        return Response(data, media_type="application/octet-stream")

    async def png(self, request: Request) -> Response:
        """A picture as a file to keep."""
        file, index = self._frame(request)
        settings = settings_of(request)
        async with self._pictures:
            data = await run_in_threadpool(file.png, index, settings)
        return Response(data, media_type="image/png")

    async def details(self, request: Request) -> Response:
        """What is known of a frame besides its picture."""
        file, index = self._frame(request)
        return JSONResponse(await run_in_threadpool(file.details, index))

    async def bits(self, request: Request) -> Response:
        """What every part of a frame cost."""
        file, index = self._frame(request)
        costs = await run_in_threadpool(file.bits, index)
        if costs is None:
            raise HTTPException(404, f"{file.path.name} does not tell what its parts cost")
        return JSONResponse(costs)

    async def measure(self, request: Request) -> Response:
        """How near a frame is to its original, in a measure that takes long."""
        file, index = self._frame(request)
        name = request.query_params.get("name", "")
        if name not in MEASURES:
            raise HTTPException(400, f"name must be one of {', '.join(MEASURES)}")
        if file.original is None:
            raise HTTPException(404, "start with --source ORIGINAL to compare")
        async with self._measuring:
            if await request.is_disconnected():
                return Response(status_code=499)
            measures = self._measures[self._files.index(file)]
            value = await run_in_threadpool(measures.of, name, index)
        return JSONResponse({"name": name, "value": value})

    async def original(self, request: Request) -> Response:
        """The original of a frame, as its picture."""
        file, index = self._frame(request)
        if file.original is None:
            raise HTTPException(404, "start with --source ORIGINAL to compare")
        async with self._originals:
            if await request.is_disconnected():
                return Response(status_code=499)
            data = await run_in_threadpool(file.original_picture, index)
        if data is None:
            raise HTTPException(404, f"the original has no frame at the time of frame {index}")
        return Response(data, media_type="application/octet-stream")

    async def thumbnail(self, request: Request) -> Response:
        """A small JPEG of a frame."""
        file, index = self._frame(request)
        async with self._thumbnails:
            if await request.is_disconnected():
                return Response(status_code=499)
            data = await run_in_threadpool(file.thumbnail, index)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def sound(self, request: Request) -> Response:
        """The sound, from the time of the stream's start on."""
        path = None if self._sound is None else await run_in_threadpool(self._sound.wait)
        if path is None:
            raise HTTPException(404, "there is no sound")
        return FileResponse(path, media_type="audio/wav")

    async def events(self, request: Request) -> Response:
        """What becomes known of frames, as server-sent events; as long as one of these is read, a
        page is open.
        """
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        with self._presence.page():
            cursors, quiet = [0] * len(self._files), 0.0
            yield "retry: 1000\n\n"
            while not self._stopping():
                messages: list[dict[str, object]] = []
                for number, file in enumerate(self._files):
                    findings, cursors[number] = file.findings.since(cursors[number])
                    messages += [message | {"file": number} for message in findings]
                for first in range(0, len(messages), _MESSAGES_AT_ONCE):
                    yield f"data: {json.dumps(messages[first : first + _MESSAGES_AT_ONCE])}\n\n"
                quiet = 0.0 if messages else quiet + _EVENT_SECONDS
                if quiet >= _KEEP_ALIVE_SECONDS:
                    yield ": still here\n\n"  # finds out that a page has gone
                    quiet = 0.0
                await asyncio.sleep(_EVENT_SECONDS)
            yield "event: end\ndata: []\n\n"

    def _file(self, request: Request) -> PlayedFile:
        number = request.query_params.get("file", "0")
        if not re.fullmatch("[0-9]{1,3}", number) or int(number) >= len(self._files):
            raise HTTPException(404, f"files have the numbers 0 to {len(self._files) - 1}")
        return self._files[int(number)]

    def _frame(self, request: Request) -> tuple[PlayedFile, int]:
        file, number = self._file(request), request.path_params["index"]
        if not re.fullmatch("[0-9]+", number):
            raise HTTPException(404, "frames are called by their numbers")
        # Python reads no number of thousands of digits.
        if len(number) > _MOST_DIGITS or int(number) >= file.frame_count:
            raise HTTPException(
                404,
                f"frame {number[:_MOST_DIGITS]} is out of range: the clip has frames 0 to"
                f" {file.frame_count - 1}",
            )
        return file, int(number)


def _file(name: str, media_type: str) -> Response:
    return Response(files(__package__).joinpath("static", name).read_bytes(), media_type=media_type)


def _refusal(status: int, error: str, **more: object) -> Response:
    return JSONResponse({"error": " ".join(error.split()), **more}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _refusal(error.status_code, error.detail)


async def _known_error(_: Request, error: Exception) -> Response:
    if isinstance(error, DamagedFrameError):
        return _refusal(410, str(error), damaged=True)
    return _refusal(422, str(error) or "not enough memory")


async def _unknown_error(_: Request, error: Exception) -> Response:
    return _refusal(500, f"a mistake in the player: {type(error).__name__}: {error}")
