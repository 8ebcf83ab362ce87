"""How long ``POST /bodypart/find`` takes on an index of 100,000 instances.

python tests/benchmarks/retrieval.py [--instances 100000]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
import types
from pathlib import Path

from bodypart.annotation import Annotation, Examined
from bodypart.evidence import Guess
from bodypart.labels import LABELS, router_group

QUESTIONS = {
    "knees": {"Examined": "knee"},
    "knees, both sources": {"Examined": "knee", "Evidence": "both"},
    "upper limbs, any source": {"Examined": "upper_limb", "Evidence": "any"},
    "visible patella and knee": {"Visible": ["patella", "knee"]},
    "spine group that needs review": {"Group": "spine", "NeedsReview": True},
    "studies with a chest": {"Level": "Study", "Examined": "chest"},
    "page 900 of the rest": {"Since": 90_000},
}
REPEATS = 7


def main() -> None:
    """Fill an index and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=100_000)
    count = parser.parse_args().instances
    # The index needs nothing of Orthanc, but lies in the package that imports it.
    sys.modules["orthanc"] = types.ModuleType("orthanc")
    from orthanc_side.archive import Ancestors
    from orthanc_side.find import parse
    from orthanc_side.index import Index

    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder) / "index.sqlite")
        for number in range(count):
            part = chance.choice(LABELS)
            guesses = tuple(Guess(label, 0.9) for label in part.visible)
            annotation = Annotation(
                f"{chance.getrandbits(160):040x}",
                "done",
                examined=Examined(part.label, 0.9, "image+header"),
                visible=guesses,
                group=router_group(part.label, child=False),
                image={"top": [guesses[0].to_json()], "rejected": False},
                header={"label": part.label, "labels": [part.label], "evidence": []},
                agreement="agree",
                needs_review=chance.random() < 0.05,
            )
            study = f"study{number // 4}"
            index.put(annotation.to_json(), Ancestors(f"series{number // 2}", study, study))
        print(f"| question, {count:,} instances, first 100 ids | ms, target 200 | ids |")
        print("|---|---|---|")
        for name, body in QUESTIONS.items():
            question = parse(body)
            seconds = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                found = index.select(
                    question.level,
                    " AND ".join(question.where),
                    question.parameters,
                    question.since,
                    question.limit,
                )
                seconds.append(time.perf_counter() - started)
            print(f"| {name} | {statistics.median(seconds) * 1000:.1f} | {len(found)} |")


if __name__ == "__main__":
    main()
