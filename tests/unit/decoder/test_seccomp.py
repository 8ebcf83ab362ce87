"""The filter's program, run by a small machine of our own for both architectures."""

import re
import struct
from pathlib import Path

import pytest

from decoder import system_calls
from decoder.seccomp import program

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PROCESS = 1234


def verdict(architecture, name_or_number, *arguments, cuda=False, audit=None):
    """Run the program on one call, as the kernel would."""
    number = name_or_number
    if isinstance(number, str):
        number = system_calls.number(number, architecture)
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    machine = ARCHITECTURES[architecture] if audit is None else audit
    data = struct.pack("<IIQ6Q", number, machine, 0, *padded)
    accumulator = at = 0
    code = program(architecture, PROCESS, cuda=cuda)
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif operation == 0x15:
            at += if_true if accumulator == operand else if_false
        elif operation == 0x45:
            at += if_true if accumulator & operand else if_false
        elif operation == 0x54:
            accumulator &= operand
        else:
            assert operation == 0x06
            return operand


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return request.param


def test_what_is_listed_passes_and_what_is_not_does_not_exist(architecture):
    listed = set()
    for name in system_calls.NUMBERS:
        number = system_calls.number(name, architecture)
        listed.add(number)
        if number is not None and not system_calls.conditions(PROCESS, cuda=False)[name]:
            assert verdict(architecture, name) == ALLOW, name
    for number in set(range(600)) - listed:
        assert verdict(architecture, number) == ENOSYS, number


def test_another_architecture_ends_the_process(architecture):
    for audit in (0x40000003, 0x40000028, *set(ARCHITECTURES.values())):
        if audit != ARCHITECTURES[architecture]:
            assert verdict(architecture, "read", audit=audit) == KILL


def test_x32_numbers_do_not_exist():
    for name in system_calls.NUMBERS:
        number = system_calls.number(name, "x86_64") | 0x40000000
        assert verdict("x86_64", number) == ENOSYS


def test_files_are_opened_to_read_only(architecture):
    assert verdict(architecture, "openat", 0, 0, 0o2000000) == ALLOW
    for flags in (0o1, 0o2, 0o101, 0o1000, 0o2000, 0o20200002, 1 << 32 | 0o2):
        assert verdict(architecture, "openat", 0, 0, flags) == EPERM
    assert verdict(architecture, "openat", 0, 0, 0o2, cuda=True) == ALLOW


def test_nothing_is_started_but_threads_where_a_driver_needs_them(architecture):
    thread = 0x3D0F00
    assert verdict(architecture, "clone", thread) == ENOSYS
    assert verdict(architecture, "clone", thread, cuda=True) == ALLOW
    for flags in (0x11, 0x4111, thread & ~0x10000, thread & ~0x100, thread | 0x10000000):
        assert verdict(architecture, "clone", flags, cuda=True) == EPERM


def test_signals_and_limits_are_its_own(architecture):
    assert verdict(architecture, "tgkill", PROCESS, PROCESS, 6) == ALLOW
    assert verdict(architecture, "tgkill", PROCESS + 1, PROCESS, 6) == EPERM
    assert verdict(architecture, "prlimit64", 0, 7, 0, 1) == ALLOW
    assert verdict(architecture, "prlimit64", PROCESS, 7, 0, 1) == ALLOW
    assert verdict(architecture, "prlimit64", 1, 7, 0, 1) == EPERM
    assert verdict(architecture, "prlimit64", 0, 7, 4096, 0) == EPERM
    assert verdict(architecture, "fcntl", 0, 8, 1) == EPERM
    assert verdict(architecture, "prctl", 1, 0) == EPERM


def test_an_address_with_a_low_half_of_zero_is_no_way_to_set_a_limit(architecture):
    assert verdict(architecture, "prlimit64", 0, 7, 0x700000000000, 0) == EPERM


HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def test_the_numbers_are_those_of_the_kernels_headers(architecture):
    header = next((Path(p) for p in HEADERS[architecture] if Path(p).exists()), None)
    if header is None:
        pytest.skip("the kernel's headers (linux-libc-dev) are not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    aliases = {"newfstatat": "fstatat"} if architecture == "aarch64" else {}
    for table in (system_calls.NUMBERS, system_calls._CUDA_NUMBERS):
        for name in table:
            number = system_calls.number(name, architecture)
            known = found.get(aliases.get(name, name))
            assert number == (None if known is None else int(known)), name
