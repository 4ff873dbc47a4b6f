"""Who gets what from the player's server, through a real socket."""

from __future__ import annotations

import socket

import pytest

from videocodec.player.security import new_token

SECURED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def test_the_page_comes_with_the_token_and_leaves_a_cookie(player) -> None:
    answer = player.get(f"/?token={player.token}", cookie=False)
    assert answer.status == 200 and answer.body.startswith(b"<!doctype html>")
    cookie = answer.headers["set-cookie"]
    assert (
        cookie.startswith(f"{player.cookie};")
        and "HttpOnly" in cookie
        and "SameSite=Strict" in cookie
    )
    assert player.token not in answer.body.decode()


def test_the_cookie_is_enough_afterwards(player) -> None:
    answer = player.get("/")
    assert answer.status == 200 and "set-cookie" not in answer.headers
    assert player.get("/api/clip").json["frames"] == 22


@pytest.mark.parametrize("other", ['theme={"dark": 1}', "no name", "naïve=1", "a=b=c", ""])
def test_cookies_of_other_programs_on_this_machine_do_no_harm(player, other) -> None:
    for cookies in (f"{other}; {player.cookie}", f"{player.cookie}; {other}"):
        assert player.get("/static/app.js", cookie=False, Cookie=cookies).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/static/app.js", "/api/clip", "/api/frame/0", "/api/sound", "/api/events", "/nothing"],
)
@pytest.mark.parametrize(
    "given", ["none", "wrong", "empty", "prefix", "other port", "broken", "unicode"]
)
def test_nothing_comes_without_the_token(player, path, given) -> None:
    name = f"videocodec_play_{player.port}"
    cookies = {
        "none": {},
        "wrong": {"Cookie": f"{name}={new_token()}"},
        "empty": {"Cookie": f"{name}="},
        "prefix": {"Cookie": f"{name}={player.token[:-1]}"},
        "other port": {"Cookie": f"videocodec_play_1={player.token}"},
        "broken": {"Cookie": '\x01;=;;"'},
        "unicode": {"Cookie": f"{name}=é€".encode().decode("latin-1")},
    }
    answer = player.get(path, cookie=False, **cookies[given])
    assert 400 <= answer.status < 500
    assert len(answer.body) < 200 and b"Traceback" not in answer.body


@pytest.mark.parametrize(
    "query",
    [
        "token=",
        "token=wrong",
        "token={0}&token={0}",
        "token={0}x",
        "tok={0}",
        "token=%ff%fe",
        "token={0}&" + "x" * 5000,
    ],
)
def test_a_wrong_token_in_the_address_is_refused(player, query) -> None:
    assert player.get(f"/?{query.format(player.token)}", cookie=False).status == 403


def test_the_token_in_the_address_opens_the_page_alone(player) -> None:
    assert player.get(f"/api/clip?token={player.token}", cookie=False).status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "127.0.0.1.evil.example:{port}",
        "evil.example:{port}",
        "",
    ],
)
def test_other_host_names_are_refused(player, host) -> None:
    answer = player.get(f"/?token={player.token}", host=host.format(port=player.port))
    assert 400 <= answer.status < 500 and b"doctype" not in answer.body


def test_localhost_is_a_name_of_this_server(player) -> None:
    assert player.get("/api/clip", host=f"LocalHost:{player.port}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_pages_of_others_get_nothing(player, headers) -> None:
    assert player.get("/api/frame/0", **headers).status == 403


def test_a_link_from_another_page_opens_the_page(player) -> None:
    assert (
        player.get(f"/?token={player.token}", cookie=False, Sec_Fetch_Site="cross-site").status
        == 200
    )


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]
)
def test_only_reading_is_allowed(player, method) -> None:
    assert player.get("/api/clip", method=method).status in (400, 405)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/....//server.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..%5c..%5cserver.py",
        "/static/app.js%00.css",
        "/static/app.js/",
        "/static/",
        "/static",
        "/static/index.html",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/api/../static/../routes.py",
        "/api/sound/../../clip.py",
        "/%00",
        "/api/frame/../clip",
    ],
)
def test_path_tricks_find_no_file(player, path) -> None:
    answer = player.get(path)
    assert 400 <= answer.status < 500
    assert (
        b"root:" not in answer.body
        and b"import" not in answer.body
        and b"Traceback" not in answer.body
    )


@pytest.mark.parametrize(
    "path", ["/", "/api/clip", "/api/frame/99", "/nothing", "/static/style.css"]
)
def test_every_answer_is_fenced_in(player, path) -> None:
    for cookie in (True, False):
        headers = player.get(path, cookie=cookie).headers
        assert {name: headers[name] for name in SECURED} == SECURED
        policy = headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy
            and "http:" not in policy
            and "*" not in policy
            and "unsafe" not in policy
        )
        assert headers.get("server") is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 3000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
    ],
)
def test_garbage_does_not_stop_the_server(player, data) -> None:
    with socket.create_connection(("127.0.0.1", player.port), timeout=30) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in answer
    assert player.get("/api/clip").status == 200


def test_websockets_are_refused(player) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Version": "13",
    }
    answer = player.get("/api/events2", **headers)
    assert 400 <= answer.status < 500


def test_it_listens_on_the_loopback_interface_alone(player) -> None:
    assert player.server.address.startswith(f"http://127.0.0.1:{player.port}/?token=")
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.2", player.port), 10),
    ):
        pass  # a socket of all addresses answers at this one, too


def test_tokens_are_long_and_differ() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50 and min(map(len, tokens)) >= 43
