// A service that knows nothing of keys: Node's own HTTP server. It counts what it runs, and says
// at GET /seen what has reached it. The path says how it answers. With the argument `h2` it speaks
// HTTP/2 alone, with `tls CERTIFICATE KEY` HTTP/2 and HTTP/1.1 over TLS.
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const seen = [];
const held = [];

function answer(req, res, body) {
  const path = req.url.split("?")[0];
  const send = (status, headers, text = "") => res.writeHead(status, headers).end(text);
  const number = path.match(/^\/status\/(\d{3})$/);
  if (number) return send(Number(number[1]), { "Content-Type": "text/plain" }, number[1] === "204" ? "" : `run ${seen.length}`);
  switch (path) {
    case "/303":
      return send(303, { Location: "/orders/1" });
    case "/binary":
      return send(200, { "Content-Type": "application/octet-stream" }, Buffer.from([...Array(256).keys()]));
    case "/chunked":
      res.writeHead(200, { "Content-Type": "text/plain" });
      res.write("one ");
      return setImmediate(() => res.end(`two ${seen.length}`));
    case "/long":
      return send(200, { "Content-Length": 8 << 20 }, Buffer.alloc(8 << 20, "x"));
    case "/cookies":
      return send(201, { "Set-Cookie": ["a=1", "b=2"], Link: ["</a>", "</b>"], Connection: "close, X-Hop", "X-Hop": "1" }, "made");
    case "/trailers":
      res.writeHead(200, { Trailer: "X-Sum" });
      res.write(`run ${seen.length}`);
      res.addTrailers({ "X-Sum": "42" });
      return res.end();
    case "/half":
      res.writeHead(200, { "Content-Length": "100" });
      return res.write("half", () => res.socket.destroy());
    case "/half-chunk":
      res.writeHead(200);
      return res.write("half", () => res.socket.destroy());
    case "/reset":
      return req.socket.resetAndDestroy();
    case "/close":
      return req.socket.end();
    case "/nonsense":
      return req.socket.end("what is this\r\n\r\n");
    case "/refused":
      return res.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    case "/cancelled":
      return res.stream.close(http2.constants.NGHTTP2_CANCEL);
    case "/lost-once":
      return seen.length === 1 ? req.socket.end() : send(201, {}, `run ${seen.length}`);
    case "/held":
      return held.push(() => send(201, {}, `run ${seen.length}`));
    default:
      return send(201, { "Content-Type": "application/json" }, JSON.stringify({ run: seen.length, method: req.method, target: req.url, headers: req.rawHeaders, body: body.toString("latin1") }));
  }
}

function serve(req, res) {
  const pieces = [];
  req.on("data", (piece) => pieces.push(piece));
  req.on("end", () => {
    const body = Buffer.concat(pieces);
    if (req.url === "/seen") return res.end(JSON.stringify(seen));
    if (req.url === "/release") {
      for (const go of held.splice(0)) go();
      return res.end();
    }
    seen.push({ method: req.method, target: req.url, headers: req.rawHeaders, trailers: req.rawTrailers, body: body.toString("latin1") });
    answer(req, res, body);
  });
}

function serverOf([mode, certificate, key]) {
  if (mode === "h2") return http2.createServer(serve);
  if (mode !== "tls") return http.createServer(serve);
  const pem = { cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true };
  return http2.createSecureServer(pem, serve);
}

const server = serverOf(process.argv.slice(2));
server.on("clientError", (error, socket) => {
  seen.push({ unreadable: error.code });
  socket.destroy();
});
server.listen(0, "127.0.0.1", () => {
  const scheme = process.argv[2] === "tls" ? "https://localhost" : "http://127.0.0.1";
  console.log(`${scheme}:${server.address().port}`);
});
