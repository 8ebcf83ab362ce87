"""Seccomp: a filter in the kernel that sees every system call and lets only listed ones pass.

See `system_calls` for the list. The program is classic BPF: 8 bytes an instruction.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

from decoder.kernel import machine, system_call
from decoder.system_calls import Condition, conditions, number

if TYPE_CHECKING:
    from decoder.kernel import Machine

_SECCOMP: dict[Machine, int] = {"x86_64": 317, "aarch64": 277}
_AUDIT_ARCH: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_AND = 0x54
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]
"""Operation, jumps if true and if false, operand."""


def restrict(*, cuda: bool) -> int:
    """Put all threads of this process under the filter; return its length.

    ``no_new_privs`` must be set.

    Raises
    ------
    OSError
        If the kernel or the machine does not support it.
    """
    architecture = machine()
    code = program(architecture, os.getpid(), cuda=cuda)
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    kept = ctypes.create_string_buffer(packed, len(packed))
    description = struct.pack("@HP", len(code), ctypes.addressof(kept))
    stuck = system_call(_SECCOMP[architecture], _SET_MODE_FILTER, _ALL_THREADS, description)
    if stuck:
        raise OSError(errno.EAGAIN, "a thread has a filter of its own")
    return len(code)


def program(architecture: Machine, process: int, *, cuda: bool) -> list[Instruction]:
    """Return the filter.

    A call with another architecture's numbers ends the process. A call that is not listed fails as
    if it did not exist (ENOSYS), so that libraries fall back; one whose arguments break a condition
    fails as not permitted (EPERM).
    """
    code = [
        _load(_ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH[architecture]),
        _return(_KILL),
        _load(_NUMBER_AT),
    ]
    for name, held in conditions(process, cuda=cuda).items():
        known = number(name, architecture)
        if known is not None:
            block = _block(held)
            code += [(_EQUAL, 0, len(block), known), *block]
    return [*code, _return(_ERROR | errno.ENOSYS)]


def _block(held: tuple[Condition, ...]) -> list[Instruction]:
    """Return the filter's part for one call: it is denied at the first condition that fails."""
    block: list[Instruction] = []
    for condition in held:
        # The lower half comes first on both architectures.
        low = _ARGUMENTS_AT + 8 * condition.argument
        block.append(_load(low))
        if condition.without:
            block += [(_ANY_BIT, 0, 1, condition.without), _return(_ERROR | errno.EPERM)]
        if condition.values:
            rest = len(condition.values)
            for value in condition.values:
                block.append((_EQUAL, rest, 0, value))
                rest -= 1
            block.append(_return(_ERROR | errno.EPERM))
        if condition.within:
            block += [
                (_AND, 0, 0, condition.within),
                (_EQUAL, 1, 0, condition.within),
                _return(_ERROR | errno.EPERM),
            ]
        if condition.null:
            block += [
                (_EQUAL, 0, 2, 0),
                _load(low + 4),
                (_EQUAL, 1, 0, 0),
                _return(_ERROR | errno.EPERM),
            ]
    return [*block, _return(_ALLOW)]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _return(what: int) -> Instruction:
    return (_RETURN, 0, 0, what)
