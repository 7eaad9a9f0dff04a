"""Runs a program to which a system call is refused: python without.py CALL PROGRAM [ARGUMENT...]

As under a filter that somebody has set around it (seccomp(2)): the call fails with EPERM.
"""

import ctypes
import os
import platform
import struct
import sys

NUMBERS = {"x86_64": {"splice": 275, "timerfd_create": 283, "pipe2": 293}, "aarch64": {"splice": 76, "timerfd_create": 85, "pipe2": 59}}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL_WITH_EPERM = 0x7FFF0000, 0x00050001


def refuse(call):
    """Has this process, and what it becomes, do without a system call."""
    number = NUMBERS[platform.machine()][call]
    steps = [
        # The number is the first word of what a filter sees.
        (LOAD_WORD, 0, 0, 0),
        (JUMP_IF_EQUAL, 0, 1, number),
        (RETURN, 0, 0, FAIL_WITH_EPERM),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")


if __name__ == "__main__":
    refuse(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
