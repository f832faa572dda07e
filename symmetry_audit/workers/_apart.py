"""A function in a process of its own, so that what ends the process does not end the caller."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from symmetry_audit.errors import DataError

__all__ = ["Apart", "Died", "serve"]

LENGTH = struct.Struct("<Q")  # of the pickle that follows
STARTS = 3  # of a process that ends before it begins


class Died(Exception):
    """The process ended while it worked; the message says how."""


class Apart:
    """Calls ``setup()`` in a new process of this Python, and then what that returned, with one argument at a time.

    A process that dies is started again by the next call. Functions and arguments are pickled; exceptions of the
    function are raised here.
    """

    def __init__(self, setup: Callable[[], Callable[[Any], Any]]) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *about: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._end()

    def __call__(self, argument: Any) -> Any:
        """The function's result. Raises what the function raised, and Died."""
        process = self._process or self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            _send(process.stdin, argument)
            failed, result = _received(process.stdout)
        except (OSError, EOFError):
            code = self._end()
            raise Died(f"signal {-code}" if code < 0 else f"exit code {code}") from None
        if failed:
            raise result
        return result

    def twice(self, argument: Any) -> Any:
        """As a call, which is tried again where the process died: that may have been another's fault."""
        try:
            return self(argument)
        except Died:
            return self(argument)

    def _started(self) -> subprocess.Popen[bytes]:
        """A process in which ``setup()`` is done. Raises what that raised, and DataError where it never is."""
        for _ in range(STARTS):
            process = self._start()
            try:
                assert process.stdin is not None and process.stdout is not None
                _send(process.stdin, self._setup)
                failed, result = _received(process.stdout)
            except (OSError, EOFError):
                self._end()
                continue
            if failed:
                raise result
            return process
        raise DataError("a process for this work ends before it begins; is there enough memory? Try again")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", f"from {__name__} import serve; serve()"]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        return self._process

    def _end(self) -> int:
        """Wait for the process and forget it; its exit code."""
        assert self._process is not None
        with suppress(BrokenPipeError):  # what it did not read any more
            self._process.communicate()
        code = self._process.returncode
        self._process = None
        return code


def _send(stream: IO[bytes], value: Any) -> None:
    data = pickle.dumps(value)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    """The next value. Raises EOFError where the other side is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)


def serve() -> None:
    """The other side, in the new process: what the function prints goes to stderr."""
    results, sys.stdout = sys.stdout.buffer, sys.stderr
    with suppress(EOFError):
        failed, function = _answer(_received(sys.stdin.buffer))
        _send(results, (failed, function if failed else None))
        while not failed:
            _send(results, _answer(function, _received(sys.stdin.buffer)))


def _answer(function: Callable[..., Any], *arguments: Any) -> tuple[bool, Any]:
    """Whether the function failed, and its result or its exception."""
    try:
        return False, function(*arguments)
    except Exception as error:
        return True, error
