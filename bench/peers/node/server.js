// The baseline's `POST /orders` on Express: alone (`bare`), with the design that every tutorial has
// (`textbook`), or behind the package @node-idempotency (`node-idempotency`).
"use strict";

const { createHash, randomUUID } = require("node:crypto");
const express = require("express");

const ID_CHARACTERS_MAX = 64;
const QTY_MAX = 1000;

let made = 0;

function create(request, response) {
  const { itemId, qty } = request.body ?? {};
  const idFits = typeof itemId === "string" && itemId.length >= 1 && itemId.length <= ID_CHARACTERS_MAX;
  if (!idFits || !Number.isInteger(qty) || qty < 1 || qty > QTY_MAX) {
    response.status(400).end();
    return;
  }
  made += 1;
  const order = { orderId: randomUUID(), itemId, qty, createdAt: new Date().toISOString() };
  response.status(201).location(`/orders/${order.orderId}`).json(order);
}

/** Hands what the handler sends to `keep` first. */
function recording(response, keep) {
  const send = response.send;
  response.send = function (body) {
    response.send = send;
    return keep({ status: response.statusCode, headers: { ...response.getHeaders() }, body }, () =>
      send.call(response, body),
    );
  };
}

function replay(response, { status, headers, body }) {
  response.status(status).set(headers).send(body);
}

/** A Map from the key to the answer, and a SHA-256 of the request to compare. Nothing survives. */
function textbook() {
  const known = new Map();
  return (request, response, next) => {
    const key = request.get("Idempotency-Key");
    if (!key) {
      response.status(400).end();
      return;
    }
    const { method, path, body } = request;
    const fingerprint = createHash("sha256").update(JSON.stringify({ method, path, body })).digest("hex");
    const first = known.get(key);
    if (first === undefined) {
      const entry = { fingerprint, answer: null };
      known.set(key, entry);
      recording(response, (answer, send) => {
        entry.answer = answer;
        return send();
      });
      next();
    } else if (first.fingerprint !== fingerprint) {
      response.status(422).end();
    } else if (first.answer === null) {
      response.status(409).end();
    } else {
      replay(response, first.answer);
    }
  };
}

/** As the documentation of the package wires it. */
function nodeIdempotency() {
  const { Idempotency } = require("@node-idempotency/core");
  const { MemoryStorageAdapter } = require("@node-idempotency/storage-adapter-memory");
  const idempotency = new Idempotency(new MemoryStorageAdapter(), { enforceIdempotency: true });
  return async (request, response, next) => {
    const { method, path, headers, body } = request;
    const described = { method, path, headers, body };
    try {
      const known = await idempotency.onRequest(described);
      if (known !== undefined) {
        replay(response, { ...known.additional, body: known.body });
        return;
      }
    } catch {
      response.status(409).end();
      return;
    }
    recording(response, ({ body, ...additional }, send) => {
      idempotency.onResponse(described, { body, additional }).then(send, next);
      return response;
    });
    next();
  };
}

const LAYERS = { bare: () => [], textbook: () => [textbook()], "node-idempotency": () => [nodeIdempotency()] };

const app = express();
app.disable("x-powered-by");
app.post("/orders", express.json(), ...LAYERS[process.argv[2]](), create);
app.get("/orders", (_request, response) => response.json({ total: made }));

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
// The generator keeps connections open between its loads, for longer than the default of 5 s.
server.keepAliveTimeout = 600_000;
