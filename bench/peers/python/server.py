"""The baseline's `POST /orders` on FastAPI: alone (`bare`) or behind the package idemkit (`idemkit`)."""

import socket
import sys
from datetime import datetime, timezone
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field


class NewOrder(BaseModel):
    itemId: str = Field(min_length=1, max_length=64)
    qty: int = Field(ge=1, le=1000)


made = 0
app = FastAPI()

if sys.argv[1] == "idemkit":
    from idemkit import IdempotencyMiddleware, InMemoryBackend

    app.add_middleware(IdempotencyMiddleware, backend=InMemoryBackend())


@app.post("/orders", status_code=201)
async def create(order: NewOrder, response: Response):
    global made
    made += 1
    order_id = str(uuid4())
    response.headers["Location"] = f"/orders/{order_id}"
    created_at = datetime.now(timezone.utc).isoformat()
    return {"orderId": order_id, "itemId": order.itemId, "qty": order.qty, "createdAt": created_at}


@app.get("/orders")
async def count():
    return {"total": made}


listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
# The generator keeps connections open between its loads, for longer than the default of 5 s.
config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_keep_alive=600)
uvicorn.Server(config).run(sockets=[listener])
