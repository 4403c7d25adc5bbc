"""The kernel of sweeps as a WebAssembly module that runs without a linker.

LLVM writes a relocatable object. It is a valid module: for a single object the indices of functions and the addresses
of data are final, and memory and stack pointer are imports. What is missing is the list of exports, which is made from
the names in the `linking` section [1]_.

References
----------
.. [1] WebAssembly Object File Linking. https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import llvmlite.binding as llvm

from sdmodel.compile.llvm.emit import emit
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.llvm.plan import Plan
from sdmodel.compile.llvm.target import Target, assembled
from sdmodel.compile.program import Program
from sdmodel.core.tableau import Tableau

WASM = Target("wasm32-unknown-unknown", "", "+simd128", Machine(fma=False, permute=False, lanes=2))
"""Two lanes: a register of WebAssembly holds two doubles."""

_IMPORT, _EXPORT, _DATA = 2, 7, 11
_FUNCTION = 0
_UNDEFINED, _EXPLICIT_NAME = 0x10, 0x40


@dataclass(frozen=True, slots=True)
class WasmKernel:
    """A WebAssembly module of the kernel, and the layout that its caller must know."""

    code: bytes
    """The module; it imports `env.__linear_memory`, `env.__stack_pointer` and `library`."""
    plan: Plan
    rows: int
    """Rows of the work buffer."""
    data_end: int
    """First address after the constants of the module; stack and buffers go above."""
    library: tuple[str, ...]
    """Functions of the C library that the module imports from `env`."""


def wasm_kernel(program: Program, outputs: Sequence[int], tableau: Tableau, *, rough: bool = False) -> WasmKernel:
    r"""Compile a program to WebAssembly.

    Parameters
    ----------
    program, outputs, tableau, rough
        As for `sdmodel.compile.llvm.engine.Kernel`.

    Raises
    ------
    UnsupportedError
        If the program contains an operation that the kernel does not support.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.compile.programs import program_of
    >>> from sdmodel.core.tableau import Tableau
    >>> program = program_of(sdmodel.load("network"), fixed=False)
    >>> euler = Tableau(order=1, step=((1.0,), 1.0))
    >>> wasm_kernel(program, [program.outputs["trust"]], euler).code[:4]
    b'\x00asm'
    """
    source = emit(program, outputs, tableau, WASM.machine, rough=rough)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module, machine = assembled(source.text, WASM)
    code, data_end, library = exported(machine.emit_object(module))
    return WasmKernel(code, source.plan, source.rows, data_end, library)


def exported(module: bytes) -> tuple[bytes, int, tuple[str, ...]]:
    """Add exports to a relocatable module; also return the end of its data and its imported functions."""
    kept: list[tuple[int, bytes]] = []
    exports: list[bytes] = []
    library: tuple[str, ...] = ()
    end = 0
    for kind, content in _sections(module):
        if kind:
            kept.append((kind, content))
        if kind == _IMPORT:
            library = tuple(_imported(content))
        elif kind == _DATA:
            end = _end_of_data(content)
        elif kind == 0 and content[1:8] == b"linking":
            exports = [_text(name) + bytes([_FUNCTION]) + _number(index) for name, index in _functions(content)]
    section = _EXPORT, _number(len(exports)) + b"".join(exports)
    place = sum(kind < _EXPORT for kind, _ in kept)
    kept.insert(place, section)
    body = b"".join(bytes([kind]) + _number(len(content)) + content for kind, content in kept)
    return module[:8] + body, end, library


class _Reader:
    """Bytes read from the front."""

    def __init__(self, content: bytes, place: int = 0) -> None:
        self.content, self.place = content, place

    def byte(self) -> int:
        self.place += 1
        return self.content[self.place - 1]

    def number(self) -> int:
        """An integer in LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self) -> bytes:
        """Bytes after their number."""
        size = self.number()
        self.place += size
        return self.content[self.place - size : self.place]

    @property
    def left(self) -> bool:
        return self.place < len(self.content)


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(module, 8)
    while reader.left:
        yield reader.byte(), reader.take()


def _functions(linking: bytes) -> Iterator[tuple[str, int]]:
    """Name and index of the functions that are defined and not local."""
    reader = _Reader(linking)
    reader.take()  # the name of the section
    reader.number()  # its version
    while reader.left:
        kind, content = reader.byte(), _Reader(reader.take())
        if kind != 8:  # the table of symbols
            continue
        for _ in range(content.number()):
            symbol, flags = content.byte(), content.number()
            if symbol == 1:  # data: a name, and its place where it is defined
                content.take()
                for _ in range(0 if flags & _UNDEFINED else 3):
                    content.number()
                continue
            index = content.number()
            if symbol == 3 or (flags & _UNDEFINED and not flags & _EXPLICIT_NAME):
                continue
            name = content.take().decode()
            if symbol == _FUNCTION and not flags & (_UNDEFINED | 2):
                yield name, index


def _imported(content: bytes) -> Iterator[str]:
    """Names of the imported functions."""
    reader = _Reader(content)
    for _ in range(reader.number()):
        reader.take()
        name, kind = reader.take().decode(), reader.byte()
        if kind == _FUNCTION:
            reader.number()
            yield name
        elif kind == 2:  # memory: its limits
            for _ in range(1 + reader.number()):
                reader.number()
        elif kind == 3:  # global: type and mutability
            reader.place += 2
        else:
            raise ValueError(f"The object imports '{name}' of kind {kind}.")


def _end_of_data(content: bytes) -> int:
    reader = _Reader(content)
    end = 0
    for _ in range(reader.number()):
        reader.place += 2  # segment of memory 0, whose offset is an i32.const
        offset = reader.number()
        reader.place += 1
        end = max(end, offset + len(reader.take()))
    return end


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _text(name: str) -> bytes:
    return _number(len(name)) + name.encode()
