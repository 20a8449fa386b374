"""Remote calls: how do two processes that do not trust each other call each other's functions?

The judge of an exercise sits at one end, what a student wrote runs at the other. Numbers, strings, lists and
arrays travel as copies; anything else stays where it is and is met at the other end as a `Remote`, which can
be called and asked for its attributes. So a hidden test can say ``he_std((100, 50))`` as if the function were
its own, and the value is compared in a process that no student's code has touched.

What the judge shares says nothing about itself: functions have one neutral name, errors do not name what
raised them, and each call gets new numbers, so a student's test cannot tell a faulty implementation from a
right one but by what it computes.

A message is four bytes of length and JSON. Nothing is ever unpickled.
"""

import base64
import builtins
import collections.abc
import decimal
import fractions
import json
import os
import re
import select
import time
import traceback

import numpy as np

_LONGEST = 2**23  # bytes of one message
_KINDS = "biufcUSmM"  # kinds of arrays that travel as bytes
_BITS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_MOST_SPAWNED = 10_000  # children of a seed in one call
_LONGEST_EMPTY = 2**24  # rows of an array without elements: a loop over them must end
_ANONYMOUS = "implementation"


class EndedError(BaseException):
    """The other process is gone, or talks nonsense. No test's ``except Exception`` takes it for an answer."""


class DeadlineError(BaseException):
    """The other process did not answer before the deadline."""


class UnsendableError(BaseException):
    """A test hands out what may not leave the judge: its author's mistake, not a student's."""


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
        Whether this end only lets itself be called: attributes are shown of the objects of some packages
        alone, and of functions none. The judge is guarded.
    shows : sequence of str
        These packages, for a guarded end.

    Attributes
    ----------
    deadline : float or None
        When waiting ends with `DeadlineError`, by `time.monotonic`.
    copies : bool
        Whether the other end gets copies of arrays and generators, so that what it does to them is not done
        here.
    changed : bool
        Whether the other end has changed an array that it was given.
    lent, drew : bool
        Whether the other end was given a generator, and whether it has drawn from one.
    """

    def __init__(self, reader, writer, *, root=None, guarded=False, shows=()):
        self._reader, self._writer, self._guarded = reader, writer, guarded
        self._shows = (*shows, "judged")  # "judged": a test's own classes
        self._shared = {0: root}
        self.deadline = None
        self.copies = self.changed = self.lent = self.drew = False
        self.root = Remote(self, 0, "the other end")
        os.set_blocking(writer, False)

    def request(self, action, target, *arguments):
        """Ask the other end for something, and answer what it asks meanwhile."""
        sent = []
        try:
            packed = [self._pack(argument, sent) for argument in arguments]
        except TypeError as error:
            raise UnsendableError(error) from None
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
            except EndedError:
                return
            self._send(self._answer(message))

    def _answer(self, message):
        got = []
        try:
            arguments = [self._unpack(a, got) for a in message["with"]]
            before = [_state(thing) for thing in got]
            target = self._shared[message["on"]]
        except Exception as error:
            return {"raise": self._told(error)}
        try:
            answer = {"give": self._pack(self._do(message["do"], target, arguments), [])}
        except (EndedError, DeadlineError):
            raise
        except BaseException as error:  # also SystemExit: what a student raises is an answer
            answer = {"raise": self._told(error)}
        after = [_state(thing) for thing in got]
        answer["after"] = [
            None if old == new else self._pack(thing, [])
            for thing, old, new in zip(got, before, after, strict=True)
        ]
        return answer

    def _do(self, action, target, arguments):
        if action == "call":
            return target(*arguments[0], **arguments[1])
        if action == "next":
            return next(target)
        name = arguments[0]
        if self._guarded and (name.startswith("_") or not self._is_shown(type(target))):
            raise AttributeError(f"{name!r} is not to be had here")
        if action == "get":
            return getattr(target, name)
        if action == "set":
            return setattr(target, name, arguments[1])
        raise ValueError(f"there is nothing to {action}")

    def _write_back(self, sent, message):
        """Give arrays and generators the contents that the other end has left in its copies."""
        after = message.get("after") or []
        self.lent |= any(isinstance(thing, np.random.Generator) for thing in sent)
        for thing, packed in zip(sent, after, strict=False):
            if packed is None:
                continue
            new = self._unpack(packed, [])
            if isinstance(thing, np.ndarray):
                self.changed = True
                if not self.copies and isinstance(new, np.ndarray) and new.shape == thing.shape:
                    thing[...] = new
            elif isinstance(new, np.random.Generator):
                self.drew = True
                _follow(thing.bit_generator, new.bit_generator)

    def _pack(self, value, sent):
        kind = type(value)
        if value is None or kind in (bool, float, str):
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else {"int": hex(value)}
        if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in _KINDS:
            parts = value.data, np.ma.getmaskarray(value)
            return {"masked": [self._pack(np.asarray(part), []) for part in parts]}
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in _KINDS:
            if isinstance(value, np.ndarray):
                sent.append(value)
            data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
            return {
                "array": [_dtype_name(value.dtype), list(value.shape), data, isinstance(value, np.generic)]
            }
        if kind is np.ndarray and value.dtype.kind == "O":
            return {"objects": [list(value.shape), [self._pack(item, sent) for item in value.ravel()]]}
        if kind in (list, range, collections.deque):
            return [self._pack(item, sent) for item in value]
        if kind in (tuple, set, frozenset):
            return {"tuple" if kind is tuple else "set": [self._pack(item, sent) for item in value]}
        if kind is dict:
            return {"dict": [[self._pack(k, sent), self._pack(v, sent)] for k, v in value.items()]}
        if kind is slice:
            return {"slice": [self._pack(part, sent) for part in (value.start, value.stop, value.step)]}
        if kind is complex:
            return {"complex": [value.real, value.imag]}
        if kind in (bytes, bytearray):
            return {"bytes": base64.b64encode(value).decode()}
        if kind is fractions.Fraction:
            return {"fraction": [hex(value.numerator), hex(value.denominator)]}
        if kind is decimal.Decimal:
            return {"decimal": str(value)}
        if kind is np.random.Generator and type(value.bit_generator).__name__ in _BITS:
            sent.append(value)
            return {"generator": self._pack(_bits(value.bit_generator), [])}
        if kind is np.random.RandomState:
            return {"old generator": self._pack(list(value.get_state(legacy=True)), [])}
        if isinstance(value, Remote):
            return {"yours": object.__getattribute__(value, "_id")}
        if not self._guarded and (plain := _as_plain(value)) is not value:
            return self._pack(plain, [])
        return self._share(value)

    def _share(self, value):
        if self._guarded and not (
            self._is_shown(value if isinstance(value, type) else type(value)) or _is_code(value)
        ):
            raise TypeError(f"a {type(value).__name__} stays here")
        number = len(self._shared)  # a new one each time: the other end recognizes nothing
        self._shared[number] = value
        how = "next" if hasattr(value, "__next__") else "call" if callable(value) else ""
        if self._guarded:
            return {"object": [number, how, "something", _ANONYMOUS]}
        return {"object": [number, how, _shown(value), str(getattr(value, "__name__", ""))[:80]]}

    def _is_shown(self, kind):
        return any(f"{kind.__module__}.".startswith(f"{name}.") for name in self._shows)

    def _told(self, error):
        try:
            text = str(error)
        except BaseException:
            text = "(its text can't be shown)"
        if self._guarded:
            text = _nameless(text, error)
        elif not text and error.__traceback__:  # a bare assert: the line says it
            text = (traceback.extract_tb(error.__traceback__)[-1].line or "").strip()
        return [type(error).__name__, text[:2000]]

    def _unpack(self, packed, got):
        if packed is None or isinstance(packed, (bool, int, float, str)):
            return packed
        if isinstance(packed, list):
            return [self._unpack(item, got) for item in packed]
        ((kind, content),) = packed.items()
        if kind == "array":
            return _array(*content, got)
        if kind == "masked":
            return np.ma.MaskedArray(*(self._unpack(part, []) for part in content))
        if kind == "objects":
            items = [self._unpack(item, got) for item in content[1]]
            made = np.empty(len(items), dtype=object)
            made[:] = items
            return made.reshape(_checked(content[0], len(items)))
        if kind in ("tuple", "set"):
            return {"tuple": tuple, "set": set}[kind](self._unpack(item, got) for item in content)
        if kind == "dict":
            return {self._unpack(k, got): self._unpack(v, got) for k, v in content}
        if kind == "slice":
            return slice(*(self._unpack(part, got) for part in content))
        if kind == "int":
            return int(str(content), 16)
        if kind == "complex":
            return complex(*content)
        if kind == "bytes":
            return base64.b64decode(content)
        if kind == "fraction":
            return fractions.Fraction(*(int(str(part), 16) for part in content))
        if kind == "decimal":
            return decimal.Decimal(str(content))
        if kind == "generator":
            got.append(_generator(self._unpack(content, [])))
            return got[-1]
        if kind == "old generator":
            made = np.random.RandomState()
            made.set_state(tuple(self._unpack(content, [])))
            return made
        if kind == "yours":
            return self._shared[content]
        if kind == "object":
            number, how, shown, name = content
            kinds = {"next": RemoteIterator, "call": RemoteFunction}
            return kinds.get(how, Remote)(self, int(number), str(shown), str(name))
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
                raise EndedError(str(error)) from None

    def _receive(self):
        length = int.from_bytes(self._read(4), "big")
        if length > _LONGEST:
            raise EndedError("a message is too long")
        try:
            message = json.loads(self._read(length))
            if not isinstance(message, dict):
                raise TypeError(type(message))
        except (ValueError, TypeError, RecursionError):
            raise EndedError("a message makes no sense") from None
        return message

    def _read(self, length):
        parts = []
        while length:
            self._wait(writing=False)
            part = os.read(self._reader, min(length, 2**20))
            if not part:
                raise EndedError("the process ended")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait(self, writing):
        left = None if self.deadline is None else self.deadline - time.monotonic()
        ends = ([], [self._writer], []) if writing else ([self._reader], [], [])
        if (left is not None and left <= 0) or not any(select.select(*ends, left)):
            raise DeadlineError("no answer in time")


class Remote:
    """An object at the other end: its public attributes can be read and set."""

    def __init__(self, wire, number, shown, name=""):
        object.__setattr__(self, "_wire", wire)
        object.__setattr__(self, "_id", number)
        object.__setattr__(self, "_shown", shown)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name):
        if name in ("__name__", "__qualname__") and self._name:
            return self._name
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
    data = base64.b64decode(data)
    array = np.frombuffer(data, dtype).reshape(_checked(shape, len(data))).copy()
    if scalar:
        return array[()]
    got.append(array)
    return array


def _checked(shape, size):
    """A shape, unless it has giant sides around no elements: loops over it would never end."""
    if not size and any(side > _LONGEST_EMPTY for side in shape):
        raise ValueError(f"an array of shape {tuple(shape)} is too large to send")
    return shape


def _dtype_name(dtype):
    return dtype.name if dtype.kind in "mM" else dtype.str  # "datetime64[D]" has its unit in the name


def _as_plain(value):
    """What another library's number or array is in NumPy, what a subclass's value is in its base."""
    for base in (bool, int, float, complex, str, bytes):
        if isinstance(value, base):
            return base.__new__(base, base.__str__(value) if base is str else value)
    if isinstance(value, tuple):
        return tuple(tuple.__iter__(value))
    if isinstance(value, list):
        return list(list.__iter__(value))
    if isinstance(value, dict):
        return dict(dict.items(value))
    if isinstance(value, (collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView)):
        return list(value)
    if isinstance(value, type) or not (
        hasattr(type(value), "__array__") or hasattr(type(value), "__float__")
    ):
        return value
    if hasattr(type(value), "detach"):  # a tensor that remembers where it came from
        value = value.detach()
    if hasattr(type(value), "__array__"):
        array = np.asarray(value)
        return array if array.dtype.kind in _KINDS else value
    return float(value)


def _bits(bits):
    """A bit generator as plain values: its state, and the seed that its children will have."""
    seed = bits.seed_seq
    seed = (
        [seed.entropy, list(seed.spawn_key), seed.pool_size, seed.n_children_spawned]
        if type(seed) is np.random.SeedSequence
        else None
    )
    return [bits.state, seed]


def _generator(content):
    state, seed = content
    name = state["bit_generator"]
    if name not in _BITS:
        raise ValueError(f"{name} is no bit generator")
    sequence = None
    if seed is not None:
        entropy, spawn_key, pool_size, spawned = seed
        sequence = np.random.SeedSequence(
            entropy,
            spawn_key=tuple(spawn_key),
            pool_size=min(int(pool_size), 64),
            n_children_spawned=int(spawned),
        )
    bits = getattr(np.random, name)(sequence)
    bits.state = state
    return np.random.Generator(bits)


def _follow(bits, new):
    """Bring a bit generator to where its copy has gone, children included."""
    bits.state = new.state
    if type(bits.seed_seq) is type(new.seed_seq) is np.random.SeedSequence:
        born = new.seed_seq.n_children_spawned - bits.seed_seq.n_children_spawned
        if 0 < born <= _MOST_SPAWNED:
            bits.seed_seq.spawn(born)


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
    if isinstance(thing, np.ndarray):
        return thing.tobytes()
    bits = thing.bit_generator
    return (
        repr(_bits(bits))
        if bits.state["bit_generator"] != "MT19937"
        else repr([bits.state["state"]["key"].tobytes(), bits.state["state"]["pos"], _bits(bits)[1]])
    )


def _nameless(text, error):
    """An error's text without the names of what raised it."""
    if re.match(r"[\w.<>]+\(\) (takes|missing|got)", text):
        return "the arguments do not fit"
    names, trace = (
        {type(error).__name__} if type(error).__module__ == "judged" else set(),
        error.__traceback__,
    )
    while trace:
        code = trace.tb_frame.f_code
        names |= {code.co_name, *code.co_qualname.split(".")}
        trace = trace.tb_next
    names -= {"_do", "_answer", "Wire", "<locals>", "<lambda>", "<module>"}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _ANONYMOUS, text)
    text = re.sub(r"(?<![\w.])[\w.<>]+(?=\(\))", _ANONYMOUS, text)  # a function written in C leaves no frame
    return re.sub(r"'[\w.]+' object", "this object", text)


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
