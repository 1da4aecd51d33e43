"""A home of its own for each test, and a web server on this machine that can misbehave."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data and cache of each test are its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("MAML_STUDIO_HOME", str(home))
    return home


class Server:
    """Answers at ``url`` as ``answers`` say, by path; what is not there is 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                answer = server.answers.get(self.path)
                try:
                    answer(self) if answer else self.send_error(404)
                except ConnectionError:  # the client has had enough
                    self.close_connection = True

            def do_CONNECT(self) -> None:
                server.asked.append(self.path)
                self.send_error(405)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})

    def sends(self, path: str, content: bytes, length: int | None = None) -> str:
        """Sends all of the content, announced as ``length`` bytes."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(content) if length is None else length))
            request.end_headers()
            request.wfile.write(content)

        self.answers["/" + path] = answer
        return self.url + path

    def stalls(self, path: str, content: bytes) -> str:
        """Sends half of the content and then nothing."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            self.over.wait()

        self.answers["/" + path] = answer
        return self.url + path

    def never_ends(self, path: str) -> str:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(1 << 40))
            request.end_headers()
            while not self.over.is_set():
                request.wfile.write(bytes(4096))

        self.answers["/" + path] = answer
        return self.url + path

    def trickles(self, path: str, *, headers: bool = False) -> str:
        """Sends a few bytes now and then, so that no read ever times out: of the contents, or of the headers already."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            if headers:
                request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            else:
                request.send_response(200)
                request.send_header("Content-Length", str(1 << 40))
                request.end_headers()
            while not self.over.wait(0.02):
                request.wfile.write(b"xxx")

        self.answers["/" + path] = answer
        return self.url + path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    server.thread.start()
    yield server
    server.over.set()
    server.http.shutdown()
    server.thread.join()
    server.http.server_close()


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that takes every connection and never says a word."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that does not even take the connection: the queue of those that wait to be taken is full."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nobody listens."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    return f"http://127.0.0.1:{port}/"
