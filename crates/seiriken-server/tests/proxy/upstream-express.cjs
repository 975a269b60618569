// The same service as upstream.mjs, as Express makes it. It is installed in the folder that the first
// argument names.
"use strict";

const { createRequire } = require("node:module");
const express = createRequire(`${process.argv[2]}/`)("express");

const seen = [];
const app = express();
app.use(express.raw({ type: () => true }));
app.use((req, res, next) => {
  if (req.path === "/seen") return res.json(seen);
  const body = Buffer.isBuffer(req.body) ? req.body.toString("latin1") : "";
  seen.push({ method: req.method, target: req.originalUrl, headers: req.rawHeaders, trailers: req.rawTrailers, body });
  next();
});
app.all("/status/:number", (req, res) => {
  const number = Number(req.params.number);
  res.status(number);
  if (number === 204) return res.end();
  return res.type("text/plain").send(`run ${seen.length}`);
});
app.all("/303", (req, res) => res.redirect(303, "/orders/1"));
app.all("/binary", (req, res) => res.send(Buffer.from([...Array(256).keys()])));
app.all("/chunked", (req, res) => {
  res.type("text/plain").write("one ");
  setImmediate(() => res.end(`two ${seen.length}`));
});
app.all("/long", (req, res) => res.send(Buffer.alloc(8 << 20, "x")));
app.all("/cookies", (req, res) => {
  res.cookie("a", 1).cookie("b", 2).append("Link", "</a>").append("Link", "</b>");
  res.status(201).send("made");
});
app.all("/trailers", (req, res) => {
  res.set("Trailer", "X-Sum").write(`run ${seen.length}`);
  res.addTrailers({ "X-Sum": "42" });
  res.end();
});
app.all("/{*path}", (req, res) => {
  const { method, originalUrl, rawHeaders } = req;
  const body = Buffer.isBuffer(req.body) ? req.body.toString("latin1") : "";
  res.status(201).json({ run: seen.length, method, target: originalUrl, headers: rawHeaders, body });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
