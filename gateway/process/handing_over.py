"""What a process of the server runs instead of granian's own: granian's thread hands each request to the front itself.

granian would make a coroutine and a task of each request and wake the event loop for it, which costs a third of a
millisecond where the threads are busy. The front takes requests on, and refuses them, without the loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

from granian import _granian
from granian._signals import set_sync_signals
from granian.server.mp import WorkerProcess

from gateway.web.front import Front

native: Any = _granian
"""What granian is made of: its stubs lag behind."""


@WorkerProcess.wrap_target
def serve_process(
    number: int, front: Front, socket: Any, ipc: Any, loop: asyncio.AbstractEventLoop, *options: Any
) -> None:
    """Serve until a signal; granian calls it in a process of its own with what it was told to do."""
    _mode, *sizes, _task, http, http1, http2, websockets, files, _log, tls, _scope, metrics = options
    # The loop's own way to hear of a signal, a byte in its pipe, is lost while requests with bodies fill that.
    told, ended = set_sync_signals(), asyncio.Event()
    told.add_cb(lambda: loop.call_soon_threadsafe(ended.set))
    front.start(loop)
    worker = native.RSGIWorker(
        number, socket, ipc, *sizes, http, http1, http2, websockets, files, *tls, metrics
    )
    scheduler = native.CallbackScheduler(loop, None, None, None, None)
    scheduler._schedule_fn = lambda request: front.take(request.scope, request.proto)
    worker.serve_str(scheduler, loop, told)
    loop.run_until_complete(ended.wait())
