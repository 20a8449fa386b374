"""Wire: how do two processes that do not trust each other call each other's functions?

The judge of an exercise sits at one end, what a student wrote runs at the other. Numbers, strings, lists and
arrays travel as copies; anything else stays where it is and is met at the other end as a `Remote`, which can
be called and asked for its attributes. So a hidden test can say ``he_std((100, 50))`` as if the function were
its own, and the value is compared in a process that no student's code has touched.

A message is four bytes of length and JSON. Nothing is ever unpickled.
"""

import base64
import builtins
import json
import os
import select
import time
import traceback

import numpy as np

_LONGEST = 2**23  # bytes of one message
_KINDS = "biufcU"  # kinds of arrays that travel: no objects


class Ended(BaseException):
    """The other process is gone, or talks nonsense. No ``except Exception`` of a test takes it for an answer."""


class TooLate(BaseException):
    """The other process did not answer before the deadline."""


class Unsendable(BaseException):
    """A test hands out what may not leave the judge: its author's mistake, and no refusal by a student's code."""


class RemoteError(Exception):
    """An exception of the other process that has no counterpart among the built-in ones."""


class Wire:
    """One end of the line.

    Parameters
    ----------
    reader, writer : int
        File descriptors.
    root : object
        What the other end meets as ``wire.root``.
    guarded : bool
        Whether this end only lets itself be called: attributes are shown of `dlcore`'s objects alone, and of
        functions none. The judge is guarded.

    Attributes
    ----------
    deadline : float or None
        When waiting ends with `TooLate`, by `time.monotonic`.
    """

    def __init__(self, reader, writer, *, root=None, guarded=False):
        self._reader, self._writer, self._guarded = reader, writer, guarded
        self._shared = {0: root}
        self._ids = {}
        self.deadline = None
        self.root = Remote(self, 0, "the other end")
        os.set_blocking(writer, False)

    def request(self, action, target, *arguments):
        """Ask the other end for something, and answer what it asks meanwhile."""
        sent = []
        try:
            packed = [self._pack(argument, sent) for argument in arguments]
        except TypeError as error:
            raise Unsendable(error) from None
        self._send({"do": action, "on": target, "with": packed})
        while True:
            message = self._receive()
            if "do" in message:
                self._send(self._answer(message))
            elif "raise" in message:
                self._write_back(sent, message)
                raise _exception(*message["raise"])
            else:
                self._write_back(sent, message)
                return self._unpack(message["give"], [])

    def serve(self):
        """Answer requests until the other end is gone."""
        while True:
            try:
                message = self._receive()
            except Ended:
                return
            self._send(self._answer(message))

    def _answer(self, message):
        got = []
        try:
            arguments = [self._unpack(a, got) for a in message["with"]]
            before = [_state(thing) for thing in got]
            target = self._shared[message["on"]]
        except Exception as error:
            return {"raise": _told(error)}
        try:
            answer = {"give": self._pack(self._do(message["do"], target, arguments), [])}
        except (Ended, TooLate):
            raise
        except BaseException as error:  # also SystemExit: what a student raises is an answer
            answer = {"raise": _told(error, quote=not self._guarded)}
        after = [_state(thing) for thing in got]
        answer["after"] = [
            None if _equal(old, new) else self._pack(thing, [])
            for thing, old, new in zip(got, before, after, strict=True)
        ]
        return answer

    def _do(self, action, target, arguments):
        if action == "call":
            return target(*arguments[0], **arguments[1])
        if action == "next":
            return next(target)
        name = arguments[0]
        if self._guarded and (name.startswith("_") or not _is_ours(type(target))):
            raise AttributeError(f"{name!r} is not to be had here")
        if action == "get":
            return getattr(target, name)
        if action == "set":
            return setattr(target, name, arguments[1])
        raise ValueError(f"there is nothing to {action}")

    def _write_back(self, sent, message):
        """Give arrays and generators that the other end has changed their new contents, as a local call would."""
        after = message.get("after") or []
        for thing, packed in zip(sent, after, strict=False):
            if packed is None:
                continue
            new = self._unpack(packed, [])
            if isinstance(thing, np.random.Generator) and isinstance(new, np.random.Generator):
                thing.bit_generator.state = new.bit_generator.state
            elif isinstance(thing, np.ndarray) and isinstance(new, np.ndarray) and new.shape == thing.shape:
                thing[...] = new

    def _pack(self, value, sent):
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in _KINDS:
            if isinstance(value, np.ndarray):
                sent.append(value)
            data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
            return {"array": [value.dtype.str, list(value.shape), data, isinstance(value, np.generic)]}
        if kind in (list, range):
            return [self._pack(item, sent) for item in value]
        if kind in (tuple, set, frozenset):
            return {"tuple" if kind is tuple else "set": [self._pack(item, sent) for item in value]}
        if kind is dict:
            return {"dict": [[self._pack(k, sent), self._pack(v, sent)] for k, v in value.items()]}
        if kind is slice:
            return {"slice": [self._pack(part, sent) for part in (value.start, value.stop, value.step)]}
        if kind is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            sent.append(value)
            return {"generator": value.bit_generator.state}
        if isinstance(value, Remote):
            return {"yours": object.__getattribute__(value, "_id")}
        return self._share(value)

    def _share(self, value):
        if self._guarded and not (
            _is_ours(value if isinstance(value, type) else type(value)) or _is_code(value)
        ):
            raise TypeError(f"a {type(value).__name__} stays here")
        number = self._ids.setdefault(id(value), len(self._shared))
        self._shared[number] = value
        how = "next" if hasattr(value, "__next__") else "call" if callable(value) else ""
        return {"object": [number, how, "something" if self._guarded else _shown(value)]}

    def _unpack(self, packed, got):
        if packed is None or isinstance(packed, (bool, int, float, str)):
            return packed
        if isinstance(packed, list):
            return [self._unpack(item, got) for item in packed]
        ((kind, content),) = packed.items()
        if kind == "array":
            return _array(*content, got)
        if kind in ("tuple", "set"):
            return {"tuple": tuple, "set": set}[kind](self._unpack(item, got) for item in content)
        if kind == "dict":
            return {self._unpack(k, got): self._unpack(v, got) for k, v in content}
        if kind == "slice":
            return slice(*(self._unpack(part, got) for part in content))
        if kind == "generator":
            bits = np.random.PCG64()
            bits.state = content
            got.append(np.random.Generator(bits))
            return got[-1]
        if kind == "yours":
            return self._shared[content]
        if kind == "object":
            number, how, shown = content
            return {"next": RemoteIterator, "call": RemoteFunction}.get(how, Remote)(
                self, int(number), str(shown)
            )
        raise ValueError(f"unknown kind {kind!r}")

    def _send(self, message):
        data = json.dumps(message).encode()
        if len(data) > _LONGEST:
            data = json.dumps({"raise": ["ValueError", f"{len(data):,} bytes are too much to send"]}).encode()
        data = memoryview(len(data).to_bytes(4, "big") + data)
        while data:
            self._wait(writing=True)
            try:
                data = data[os.write(self._writer, data[:65536]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Ended(str(error)) from None

    def _receive(self):
        length = int.from_bytes(self._read(4), "big")
        if length > _LONGEST:
            raise Ended("a message is too long")
        try:
            message = json.loads(self._read(length))
            if not isinstance(message, dict):
                raise TypeError(type(message))
        except (ValueError, TypeError, RecursionError):
            raise Ended("a message makes no sense") from None
        return message

    def _read(self, length):
        parts = []
        while length:
            self._wait(writing=False)
            part = os.read(self._reader, min(length, 2**20))
            if not part:
                raise Ended("the process ended")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait(self, writing):
        left = None if self.deadline is None else self.deadline - time.monotonic()
        ends = ([], [self._writer], []) if writing else ([self._reader], [], [])
        if (left is not None and left <= 0) or not any(select.select(*ends, left)):
            raise TooLate("no answer in time")


class Remote:
    """An object at the other end: its public attributes can be read and set."""

    def __init__(self, wire, number, shown):
        object.__setattr__(self, "_wire", wire)
        object.__setattr__(self, "_id", number)
        object.__setattr__(self, "_shown", shown)

    def __getattr__(self, name):
        if name.startswith("_"):  # NumPy and others ask every object for these
            raise AttributeError(name)
        return self._wire.request("get", self._id, name)

    def __setattr__(self, name, value):
        self._wire.request("set", self._id, name, value)

    def __repr__(self):
        return self._shown


class RemoteFunction(Remote):
    """A function, method or class at the other end."""

    def __call__(self, *arguments, **named):
        return self._wire.request("call", self._id, arguments, named)


class RemoteIterator(Remote):
    """An iterator at the other end."""

    def __iter__(self):
        return self

    def __next__(self):
        return self._wire.request("next", self._id)


def _array(dtype, shape, data, scalar, got):
    dtype = np.dtype(str(dtype))
    if dtype.kind not in _KINDS:
        raise TypeError(f"arrays of {dtype} do not travel")
    array = np.frombuffer(base64.b64decode(data), dtype).reshape(shape).copy()
    if scalar:
        return array[()]
    got.append(array)
    return array


def _is_ours(kind):
    return kind.__module__.startswith(("dlcore.", "judged"))  # "judged": a test's own


def _is_code(value):
    return type(value).__name__ in (
        "function",
        "builtin_function_or_method",
        "ufunc",
        "method",
        "generator",
        "partial",
    )


def _state(thing):
    return thing.copy() if isinstance(thing, np.ndarray) else thing.bit_generator.state


def _equal(old, new):
    if isinstance(old, np.ndarray):
        return old.tobytes() == new.tobytes()
    return old == new


def _told(error, quote=False):
    try:
        text = str(error)
    except BaseException:
        text = "(its text can't be shown)"
    if quote and not text and error.__traceback__:
        text = (
            traceback.extract_tb(error.__traceback__)[-1].line or ""
        ).strip()  # a bare assert: the line says it
    return [type(error).__name__, text[:2000]]


def _shown(value):
    try:
        return repr(value)[:80]
    except BaseException:
        return f"a {type(value).__name__}"


def _exception(name, text):
    kind = getattr(builtins, str(name), None)
    if (
        isinstance(kind, type)
        and issubclass(kind, Exception)
        and kind not in (UnicodeDecodeError, UnicodeEncodeError)
    ):
        try:
            return kind(str(text))
        except TypeError:
            pass
    return RemoteError(f"{name}: {text}")
