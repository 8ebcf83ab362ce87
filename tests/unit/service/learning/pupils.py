"""The parts of the service that learning needs, on one database."""

import sqlalchemy as sa

from bodypart.memory import Recall
from service.databases.tables import instances
from service.decoders.lessons import Lessons
from service.errors import ArchiveError, NotFoundError
from service.learning.follow import Learning
from service.learning.hearing import Hearing
from service.learning.sightings import Sightings
from service.learning.words import Words
from service.orthanc_api.resources import Parents
from service.queue.tasks import Tasks
from service.records.audit_trail import AuditTrail
from service.records.facts import Facts
from service.records.index import Index
from unit.memory.hospital import LABELS, MODEL, reading

AT = "2026-11-28T10:00:00Z"


class Decoders:
    down_reason = "it is starting"

    def __init__(self):
        self.hello = {"model": {"sha256": MODEL}, "labels": list(LABELS)}


class Archive:
    """Every instance is a patient's of its own, but for those that are gone or damaged."""

    def __init__(self):
        self.gone, self.damaged = set(), set()

    def parents(self, instance):
        if instance in self.gone:
            raise NotFoundError(instance)
        if instance in self.damaged:
            raise ArchiveError("status 500")
        return Parents("series", "study", f"patient of {instance}")


class House:
    """The parts that learning needs, on one database."""

    def __init__(self, database, mode="on"):
        self.database = database
        self.trail = AuditTrail(self.database)
        self.tasks = Tasks(self.database, "here")
        self.archive, self.decoders = Archive(), Decoders()
        self.log = []
        self.start(mode)

    def start(self, mode="on"):
        """Start the service (again) on what it kept."""
        self.lessons = Lessons()
        self.learning = Learning(
            mode,
            self.decoders,
            self.tasks,
            self._hearing(),
            Sightings(self.database),
            self.lessons,
            self.log.append,
        )

    def _hearing(self):
        facts, index = Facts(self.database, {}), Index(self.database)
        return Hearing(Words(self.database), self.trail, facts, self.archive, index)

    def see(self, part, number):
        """Have the model look at a picture; return its id."""
        instance = f"{part}-{number}"
        own = reading(part, number)
        self.look(instance, own.seen)
        row = {"id": instance, "series": "s", "study": "t", "patient": "p", "state": "done"}
        row |= {"model": MODEL}
        with self.database.write() as connection:
            connection.execute(sa.delete(instances).where(instances.c.id == instance))
            connection.execute(sa.insert(instances).values(**row, image_label=own.top(1)[0].label))
        return instance

    def look(self, instance, seen):
        """Keep what the model saw in a picture, and tell a word of it."""
        with self.database.write() as connection:
            self.learning.keep(connection, instance, seen)
        self.learning.tell_word(instance, seen)

    def say(self, instance, label):
        previous = {"examined": "hand", "laterality": None}
        self.trail.reviewed(
            instance,
            {
                "at": AT,
                "by": "reader",
                "examined": label,
                "visible": None,
                "laterality": None,
                "laterality_given": False,
                "previous": previous,
            },
        )
        with self.database.write() as connection:
            connection.execute(
                sa.update(instances).where(instances.c.id == instance).values(reviewed_at=AT)
            )

    def teach(self, count=8):
        for part in ("wrist", "hand", "knee"):
            for number in range(count):
                self.say(self.see(part, number), part)
        self.learning.step()
        self.lessons.ready = True

    def said(self, part, number):
        """Return what a decoder that knows all lessons says."""
        recall = Recall(MODEL)
        lesson = self.lessons.after(None)
        if lesson:
            assert recall.apply(*lesson)
        return recall.consult(reading(part, number))[0].top(1)[0].label
