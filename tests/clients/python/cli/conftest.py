"""The AWS CLI, run as people run it: a process of its own, told everything by its arguments and the environment."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

# What the CLI prints of an exception; its exit status is then 255.
REFUSAL = re.compile(
    r"An error occurred \((?P<code>\w+)\) when calling the (?P<operation>\w+) operation[^:]*: (?P<told>.*)"
)


# What it prints, with `--debug`, of an attempt that the server refused.
REFUSED_ATTEMPT = '"POST / HTTP/1.1" 400'


@dataclass(frozen=True)
class Finished:
    """A run of the CLI that is over."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What it answered; nothing at all is `{}`."""
        assert self.status == 0, self.errors
        return json.loads(self.output or "{}")

    def refused(self, code: str, containing: str = "") -> str:
        """Checks that the server refused the call by this exception's name, and gives its message."""
        assert self.status == 255, self.output or self.errors
        assert self.output == ""
        refusal = REFUSAL.search(self.errors)
        assert refusal, self.errors
        assert refusal["code"] == code, self.errors
        assert containing in refusal["told"], self.errors
        return refusal["told"]

    @property
    def requests(self) -> list[int]:
        """The HTTP status of each answer, of a run with `--debug`."""
        return [int(status) for status in re.findall(r'"POST / HTTP/1\.1" (\d+)', self.errors)]


class Cli:
    """Runs `aws dynamodb` with what it is called with; what is not text is given as JSON."""

    def __call__(self, *arguments: Any, **environment: str) -> Finished:
        return self._finish(self._start(arguments, environment))

    def meeting_refusal(self, act: Callable[[], Any], *arguments: Any, **environment: str) -> Finished:
        """Acts once the server has refused an attempt of this call, while the CLI waits for the next."""
        process, errors = self._start((*arguments, "--debug"), environment), []
        for line in process.stderr:
            if REFUSED_ATTEMPT in line and not any(REFUSED_ATTEMPT in earlier for earlier in errors):
                act()
            errors.append(line)
        return replace(self._finish(process), errors="".join(errors))

    @staticmethod
    def _start(arguments: Iterable[Any], environment: dict[str, str]) -> subprocess.Popen:
        given = [each if isinstance(each, str) else json.dumps(each) for each in arguments]
        return subprocess.Popen(
            [sys.executable, "-m", "awscli", "dynamodb", *given],
            env=os.environ | {"AWS_DEFAULT_OUTPUT": "json"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def _finish(process: subprocess.Popen) -> Finished:
        with process:
            try:
                output, errors = process.communicate(timeout=120)
            finally:
                process.kill()
        return Finished(process.returncode, output, errors)


@pytest.fixture(scope="session")
def aws() -> Cli:
    return Cli()
