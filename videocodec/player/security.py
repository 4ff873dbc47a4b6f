"""Who may talk to the player: only this machine, only under its own name, only with the token of
this run.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
_TOKEN_BYTES = 32
_LONGEST_QUERY = 4096

# Nothing from outside, nothing inline, in nobody's frame.  blob: is where a saved picture comes
# from.
_CONTENT_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def new_token() -> str:
    """A secret for one run, 256 random bits in 43 characters that need no quoting in an address."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class Guard:
    """ASGI middleware in front of everything the player serves.

    A request passes if it is GET or HEAD, names this server as its host (``127.0.0.1`` or
    ``localhost`` with its port, so that no other name can be rebound to it), does not come from a
    page of another origin, and brings the token: in the cookie, or, for the page itself, as
    ``?token=`` in the address, which is answered with the cookie.  What does not pass gets 403, 405
    or 421 and one line of text.

    The cookie is ``HttpOnly`` and ``SameSite=Strict``, and its name has the port in it: browsers
    share cookies between ports.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token, self._port = app, token, port
        self._hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
        if port == 80:
            self._hosts |= {LOOPBACK, "localhost"}
        self.cookie = f"videocodec_play_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; hand on the rest."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nothing here is a websocket: closing without an answer refuses it
        headers = Headers(scope=scope)
        asked = scope["path"] == "/" and self._token_in(scope["query_string"])
        refusal = self._refusal(scope["method"], headers, asked)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out[name] = value
                if asked and refusal is None:
                    out.append(
                        "Set-Cookie",
                        f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict",
                    )
            await send(message)

        answer = self._app if refusal is None else PlainTextResponse(refusal[1] + "\n", refusal[0])
        await answer(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers, has_token: bool) -> tuple[int, str] | None:
        """Status and reason, or None for a request that may pass."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 421, f"this server answers only as {LOOPBACK}:{self._port}"
        if method not in ("GET", "HEAD"):
            return 405, "only GET and HEAD"
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return 403, "no pages of others"
        # A person who follows the printed address from another page brings the token; nothing else
        # comes from elsewhere.
        if not has_token and headers.get("sec-fetch-site", "same-origin") not in (
            "same-origin",
            "none",
        ):
            return 403, "no pages of others"
        if not has_token and not self._token_in_cookie(headers):
            return 403, "open the whole address that videocodec play printed, with its token"
        return None

    def _token_in(self, query: bytes) -> bool:
        if len(query) > _LONGEST_QUERY:
            return False
        tokens = parse_qs(query.decode("latin-1")).get("token", [])
        return len(tokens) == 1 and self._is_token(tokens[0])

    def _token_in_cookie(self, headers: Headers) -> bool:
        # Not by ``http.cookies``, which reads nothing at all once another program on this machine
        # has set what is no proper cookie.
        cookie = cookie_parser("; ".join(headers.getlist("cookie"))).get(self.cookie)
        return cookie is not None and self._is_token(cookie)

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(errors="surrogateescape"), self._token.encode())
