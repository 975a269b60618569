// One order service on Express, guarded by the package that is named on the command line, or by what
// textbooks show (`textbook`).
"use strict";

const { randomUUID } = require("node:crypto");
const express = require("express");

/** A payment takes so long. Without it two requests would hardly meet. */
const WORK_MS = 30;

let made = 0;

async function create(request, response) {
  const { itemId, qty } = request.body ?? {};
  if (typeof itemId !== "string" || !Number.isInteger(qty) || qty < 1) {
    response.status(400).json({ error: "this is no order" });
    return;
  }
  made += 1;
  await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  const order = { orderId: randomUUID(), itemId, qty, createdAt: new Date().toISOString() };
  response.status(201).location(`/orders/${order.orderId}`).json(order);
}

/** A Map in memory: looked at before the work, written after. */
function textbook() {
  const known = new Map();
  return (request, response, next) => {
    const key = request.get("Idempotency-Key");
    if (!key) {
      response.status(400).json({ error: "Idempotency-Key is missing" });
      return;
    }
    if (known.has(key)) {
      const { status, body } = known.get(key);
      response.status(status).json(body);
      return;
    }
    const json = response.json;
    response.json = (body) => {
      known.set(key, { status: response.statusCode, body });
      return json.call(response, body);
    };
    next();
  };
}

/** As the documentation of the package wires it; what it refuses is answered as its integration for NestJS does. */
function nodeIdempotency() {
  const { Idempotency } = require("@node-idempotency/core");
  const { MemoryStorageAdapter } = require("@node-idempotency/storage-adapter-memory");
  const idempotency = new Idempotency(new MemoryStorageAdapter(), { enforceIdempotency: true });
  const statuses = {
    IDEMPOTENCY_KEY_MISSING: 400,
    IDEMPOTENCY_KEY_LEN_EXEEDED: 400,
    REQUEST_IN_PROGRESS: 409,
    IDEMPOTENCY_FINGERPRINT_MISSMATCH: 422,
  };
  return async (request, response, next) => {
    const { method, path, headers, body } = request;
    const described = { method, path, headers, body };
    try {
      const known = await idempotency.onRequest(described);
      if (known !== undefined) {
        const { status, headers } = known.additional;
        response.status(status).set(headers).set("Idempotent-Replayed", "true").send(known.body);
        return;
      }
    } catch (error) {
      response.status(statuses[error.code] ?? 500).json({ error: error.message });
      return;
    }
    const send = response.send;
    response.send = function (body) {
      response.send = send;
      const additional = { status: response.statusCode, headers: { ...response.getHeaders() } };
      idempotency.onResponse(described, { body, additional }).then(() => send.call(response, body), next);
      return response;
    };
    next();
  };
}

/** As the documentation of the package wires it. */
function expressIdempotency() {
  const idempotency = require("express-idempotency");
  const hit = (request, _response, next) => {
    // The handler is to return when the package has answered.
    if (!idempotency.getSharedIdempotencyService().isHit(request)) next();
  };
  return [idempotency.idempotency(), hit];
}

const LAYERS = {
  textbook,
  "@node-idempotency/core": nodeIdempotency,
  "express-idempotency": expressIdempotency,
};

const app = express();
app.disable("x-powered-by");
app.post("/orders", express.json(), LAYERS[process.argv[2]](), create);
app.get("/orders", (_request, response) => response.json({ total: made }));

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
