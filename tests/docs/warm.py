"""The commands, loaded once for many runs: a process that forks for each, and the small program that asks it to.

``serve`` is that process; ``shim`` is what stands on the PATH under the commands' names.
A run has the arguments, folder, environment and the three files of whoever typed it; only the imports are not repeated.
"""

from __future__ import annotations

import array
import gc
import json
import os
import socket
import sys
from pathlib import Path

from sqlalchemy.orm import configure_mappers

SHIM = """#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    asked = json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    files = array.array("i", [0, 1, 2])
    line.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    line.sendall(asked)
    sys.exit(int(line.recv(8) or b"70"))
"""


def shim(address: Path) -> str:
    """The text of a program that runs a command in the warm process behind ``address``."""
    return SHIM.format(python=sys.executable, address=str(address))


def serve(address: str) -> None:
    """Fork for each caller, for ever."""
    configure_mappers()
    gc.freeze()  # what is loaded is never garbage
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(8)
        while True:
            caller, _ = door.accept()
            with caller:
                head, ancillary, _, _ = caller.recvmsg(4, socket.CMSG_SPACE(12))
                files = array.array("i", ancillary[0][2])
                asked = b""
                while len(asked) < int.from_bytes(head, "big"):
                    asked += caller.recv(65536)
                child = os.fork()
                if not child:
                    _run(json.loads(asked), list(files))
                for file in files:
                    os.close(file)
                _, status = os.waitpid(child, 0)
                caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _run(asked: list[object], files: list[int]) -> None:
    name, arguments, folder, environ = asked
    status = 70
    try:
        for place, file in enumerate(files):
            os.dup2(file, place)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - begun without one
        os.chdir(str(folder))
        os.environ.clear()
        os.environ.update(environ)  # type: ignore[call-overload]
        from gateway.cli import main  # noqa: PLC0415
        from scoring.cli import main as score  # noqa: PLC0415

        status = (score if name == "fenqi-score" else main)(arguments)  # type: ignore[arg-type]
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
