"""One order service on FastAPI, guarded by the package that is named on the command line.

With a second word, `scope`, the package is told who calls, where it can be: by the field Authorization.
"""

import asyncio
import socket
import sys
from datetime import datetime, timezone
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

# A payment takes so long. Without it two requests would hardly meet.
WORK_SECONDS = 0.03


class NewOrder(BaseModel):
    itemId: str = Field(min_length=1, max_length=64)
    qty: int = Field(ge=1, le=1000)


made = 0
app = FastAPI()


def caller(request):
    return request.headers.get("authorization", "")


def idemkit(scoped):
    from idemkit import HttpConfig, IdempotencyMiddleware, InMemoryBackend

    config = {"config": HttpConfig(scope=caller)} if scoped else {}
    app.add_middleware(IdempotencyMiddleware, backend=InMemoryBackend(), **config)


def fastapi_idempotency(scoped):
    from fastapi_idempotency import IdempotencyMiddleware

    config = {"scope": caller} if scoped else {}
    app.add_middleware(IdempotencyMiddleware, **config)


def fastapi_idempotency_key(_scoped):
    from fastapi_idempotency_key import IdempotencyMiddleware, MemoryBackend

    app.add_middleware(IdempotencyMiddleware, backend=MemoryBackend())


def asgi_idempotency_header(_scoped):
    from idempotency_header_middleware import IdempotencyHeaderMiddleware
    from idempotency_header_middleware.backends import MemoryBackend

    app.add_middleware(IdempotencyHeaderMiddleware, backend=MemoryBackend())


# As the documentation of each package wires it.
LAYERS = {
    "asgi-idempotency-header": asgi_idempotency_header,
    "fastapi-idempotency": fastapi_idempotency,
    "fastapi-idempotency-key": fastapi_idempotency_key,
    "idemkit": idemkit,
}
LAYERS[sys.argv[1]](sys.argv[2:] == ["scope"])


@app.post("/orders", status_code=201)
async def create(order: NewOrder, response: Response):
    global made
    made += 1
    await asyncio.sleep(WORK_SECONDS)
    order_id = str(uuid4())
    response.headers["Location"] = f"/orders/{order_id}"
    created_at = datetime.now(timezone.utc).isoformat()
    return {"orderId": order_id, "itemId": order.itemId, "qty": order.qty, "createdAt": created_at}


@app.get("/orders")
async def count():
    return {"total": made}


listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])
