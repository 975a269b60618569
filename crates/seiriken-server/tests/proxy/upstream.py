"""The same service as upstream.mjs, as Python's own HTTP server makes it."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = []
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def do_GET(self):
        if self.path == "/seen":
            return self.send(200, [], json.dumps(seen).encode())
        self.run()

    def run(self):
        body = self.body()
        headers = [text for pair in self.headers.items() for text in pair]
        request = {"method": self.command, "target": self.path, "headers": headers, "body": body.decode("latin1")}
        with lock:
            seen.append(request)
            count = len(seen)
        path = self.path.split("?")[0]
        if path.startswith("/status/"):
            status = int(path.rsplit("/", 1)[1])
            return self.send(status, [("Content-Type", "text/plain")], b"" if status == 204 else b"run %d" % count)
        match path:
            case "/303":
                self.send(303, [("Location", "/orders/1")])
            case "/binary":
                self.send(200, [("Content-Type", "application/octet-stream")], bytes(range(256)))
            case "/chunked":
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in (b"one ", b"two %d" % count, b""):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            case "/long":
                self.send(200, [], b"x" * (8 << 20))
            case "/cookies":
                self.send(201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Link", "</a>"), ("Link", "</b>"), ("Connection", "close, X-Hop"), ("X-Hop", "1")], b"made")
            case "/trailers":
                self.send_response(200)
                self.send_header("Trailer", "X-Sum")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                text = b"run %d" % count
                self.wfile.write(b"%x\r\n%s\r\n0\r\nX-Sum: 42\r\n\r\n" % (len(text), text))
            case "/half":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"half")
                self.close_connection = True
            case "/half-chunk":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"4\r\nhalf\r\n")
                self.close_connection = True
            case "/close" | "/reset":
                self.close_connection = True
            case "/nonsense":
                self.wfile.write(b"what is this\r\n\r\n")
                self.close_connection = True
            case _:
                answer = {"run": count, **request}
                self.send(201, [("Content-Type", "application/json")], json.dumps(answer).encode())

    do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = run

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
