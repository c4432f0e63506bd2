"""Measure how well a name is found in an introduction.

    python -m benchmarks.names --cases FILE [--json]

FILE holds a JSON object a line: `{"text": ..., "name": str | null}`. A name counts
when it is exactly the expected one; a name where none is expected, or a different
one, is a false one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from bots.grisha.names import extract_name


def measure(cases: Sequence[dict[str, str | None]]) -> dict[str, object]:
    extract_name("меня зовут Аня")  # loads the dictionary
    started = time.process_time()
    answers = [extract_name(case["text"] or "") for case in cases]
    seconds = time.process_time() - started
    pairs = [
        (case["text"], case["name"], answer) for case, answer in zip(cases, answers, strict=True)
    ]
    right = sum(answer is not None and answer == name for _, name, answer in pairs)
    given = sum(answer is not None for answer in answers)
    expected = sum(case["name"] is not None for case in cases)
    return {
        "precision": round(right / given, 4) if given else 1.0,
        "recall": round(right / expected, 4) if expected else 1.0,
        "cases": len(cases),
        "cpu_ms": round(1000 * seconds / max(1, len(cases)), 3),
        "wrong": [
            {"text": text, "name": name, "answer": answer}
            for text, name, answer in pairs
            if answer != name
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.names", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="JSONL with text and name")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    lines = arguments.cases.read_text("utf-8").splitlines()
    report = measure([json.loads(line) for line in lines if line.strip()])
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    for key, value in report.items():
        print(f"{key:10} {value}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
