"""One target under atheris: ``python -m tests.fuzz_parsers.coverage_guided TARGET RUNS FOLDER``.

libFuzzer looks for inputs that reach code which none reached before. What it finds to be
new stays in FOLDER, an input that fails as ``crash-…`` beside it.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["ipamd", "defusedxml", "xml", "json"]):
    from tests.fuzz_parsers import targets


def main() -> None:
    """Fuzz one target; libFuzzer ends the process, with a status that tells how it went."""
    name, runs, folder = sys.argv[1:4]
    options = [
        f"-runs={runs}",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-verbosity=0",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup(
        [sys.argv[0], *options, folder, str(targets.SEEDS / name)], targets.TARGETS[name]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
