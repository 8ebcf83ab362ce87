"""The service's parts with an Orthanc in memory, for tests of what happens in which order."""

import hashlib
import threading
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bodypart.annotation import Annotation, Examined
from bodypart.settings import Settings
from service.annotator import Annotator
from service.databases.schema import open_durable, open_index
from service.dicom_tags.in_place import InPlace
from service.dicom_tags.main_tags import MainTags
from service.dicom_tags.overwrite_backup import OverwriteBackups
from service.dicom_tags.overwriting import Overwriting
from service.errors import ArchiveError, NotFoundError
from service.metrics import Metrics
from service.orthanc_api.annotation_text import annotation_in, roll_up_in
from service.orthanc_api.resources import Change, Content, Glance, Held, Parents, Stored, StoredFile
from service.queue.tasks import Kind, Tasks
from service.records.annotations import Annotations
from service.records.audit_trail import AuditTrail
from service.records.index import Index
from service.records.records import Records
from service.records.rollups import RollUps
from service.records.thumbnails import Thumbnails
from service.reviewer import Reviewer
from unit.service.stand_ins import Nobody, Routes, Watch

PARENTS = Parents("series", "study", "patient", "DX", "20260101", "ROOM 1")


@cache
def _fresh_databases():
    """Return the databases without a row, by name: to make them takes longer than most tests."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        durable = open_durable(folder / "audit.sqlite")
        open_index(folder / "index.sqlite", durable, print).close()
        durable.close()
        return {path.name: path.read_bytes() for path in folder.glob("*.sqlite")}


class Orthanc:
    """Files, metadata and labels as Orthanc keeps them; used instead of `Archive`.

    Like Orthanc, it loses metadata, labels and change log entries of an instance that is
    overwritten.
    """

    def __init__(self):
        self.files, self.versions, self.log = {}, {}, []
        self.metadata_, self.labels_, self.attachments = {}, {}, {}
        self.asked_anew, self.read_past_the_cache = [], []
        self.protected, self.links, self.senders = set(), {}, {}
        self.has_patients = True
        self.asked = Counter()
        self.before_store = self.after_store = lambda: None
        self.answer, self.stores = None, "i"
        self.has_labels = True
        self.version = "1.12.7"
        self.down = False
        self._sequence = 0

    def arrive(self, instance, data, received="20260101T000000"):
        """Store a file as a modality sends it."""
        self._forget(instance)
        self.files[instance] = data
        self._sequence += 1
        self.versions[instance] = f"file-{self._sequence}"
        self.log.append(Change(self._sequence, "NewInstance", instance))
        self.metadata_["instances", instance] = {"ReceptionDate": received}

    def empty_the_log(self):
        """Forget all changes, and begin to count anew."""
        self.log, self._sequence = [], 0

    def skip_a_number(self):
        """Leave a gap in the change log, as a transaction does that PostgreSQL repeats."""
        self._sequence += 1

    def delete_instance(self, instance):
        self._forget(instance)
        self.files.pop(instance, None)

    def _forget(self, instance):
        self.log = [change for change in self.log if change.resource != instance]
        resources = [("instances", instance)]
        if set(self.files) <= {instance}:
            resources += PARENTS.levels()
            self.protected.clear()
        for of in resources:
            for kept in (self.metadata_, self.labels_, self.attachments):
                kept.pop(of, None)

    def _must_have(self, instance):
        if self.down:
            raise ArchiveError("Orthanc is away")
        if instance not in self.files:
            raise NotFoundError(instance)

    def stored_file(self, instance):
        self._must_have(instance)
        noted = self.metadata_.get(("instances", instance), {})
        links = {name: noted[name] for name in ("AnonymizedFrom", "ModifiedFrom") if name in noted}
        size, originals = len(self.files[instance]), tuple(links.values())
        version, anonymized = self.versions[instance], "AnonymizedFrom" in links
        return StoredFile(PARENTS, version, size, originals, anonymized)

    def glance(self, instances):
        if self.down:
            raise ArchiveError("Orthanc is away")
        return {
            i: Glance(self.stored_file(i), self.annotation(i), self.received_at(i))
            for i in instances
            if i in self.files
        }

    def forget(self, series):
        self.asked_anew.append(series)

    def parents(self, instance):
        return self.stored_file(instance).parents

    def stations(self, series):
        return dict.fromkeys(series, PARENTS.station)

    def dicom(self, instance, *, old_stock=False):
        self._must_have(instance)
        self.read_past_the_cache += [instance] * old_stock
        return self.files[instance]

    def content(self, instance, stored, *, old_stock=False):
        return Content(stored.version, self.dicom(instance, old_stock=old_stock))

    def md5(self, instance):
        return hashlib.md5(self.dicom(instance)).hexdigest()

    def store(self, *pieces):
        self.before_store()
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        self.arrive(self.stores, b"".join(pieces))
        self.after_store()
        return Stored(self.stores, "Success")

    def exists(self, level, resource):
        return resource in self.files if level == "instances" else bool(self.files)

    def instances_of(self, level, resource):
        return sorted(self.files) if level != "instances" else [resource]

    def instance_ids(self, since, limit):
        return sorted(self.files)[since : since + limit]

    def count(self):
        return len(self.files)

    def changes(self, since, limit):
        found = [change for change in self.log if change.sequence > since][:limit]
        return found, self.last_change()

    def last_change(self):
        if self.down:
            raise ArchiveError("Orthanc is away")
        return self.log[-1].sequence if self.log else 0

    def received_at(self, instance):
        return self.metadata("instances", instance, "ReceptionDate") or ""

    def sender(self, instance):
        self._must_have(instance)
        return self.senders.get(instance, ("", "127.0.0.1"))

    def metadata(self, level, resource, name):
        return self.metadata_.get((level, resource), {}).get(name)

    def annotation(self, resource, level="instances"):
        read = annotation_in if level == "instances" else roll_up_in
        return read(self.metadata(level, resource, "BodyPart"), resource)

    def set_metadata(self, level, resource, name, value):
        if level == "instances":
            self._must_have(resource)
        self.metadata_.setdefault((level, resource), {})[name] = value

    def delete_metadata(self, level, resource, name):
        self.metadata_.get((level, resource), {}).pop(name, None)

    def held(self, places):
        self._must_have(places[0][1])
        return [
            Held(
                level,
                resource,
                {
                    name: value
                    for name, value in self.metadata_.get((level, resource), {}).items()
                    if name != "ReceptionDate"
                },
                self.labels(level, resource),
                *self.links.get(level, (None, "")),
                self.versions.get(resource, ""),
                alone=level != "instances" and len(self.files) == 1,
            )
            for level, resource in places
        ]

    def _must_have_routes(self, level):
        if level == "patients" and not self.has_patients:
            raise NotFoundError(level)

    def user_attachments(self, level, resource):
        self._must_have_routes(level)
        return list(self.attachments.get((level, resource), {}))

    def attachment(self, level, resource, name):
        return self.attachments[level, resource][name]

    def set_attachment(self, level, resource, name, data):
        self.attachments.setdefault((level, resource), {})[name] = data

    def labels(self, level, resource):
        return sorted(self.labels_.get((level, resource), ()))

    def set_label(self, level, resource, label, *, present):
        labels = self.labels_.setdefault((level, resource), set())
        labels.add(label) if present else labels.discard(label)

    def is_protected(self, patient):
        self._must_have_routes("patients")
        return patient in self.protected

    def protect(self, patient):
        self.protected.add(patient)


class Decoders:
    """Decoders that answer at once; every picture shows `label`."""

    ready = running = True
    down_reason = None

    def __init__(self):
        self.label, self.fields = "hand", {}
        self.asked = []
        self.while_asked = lambda: None

    def ask(self, task, request, payload, *, urgent=False):
        self.asked.append(task)
        self.while_asked()
        if task in ("annotate", "classify"):
            annotation = note(request.get("instance") or "i", self.label, **self.fields)
            return {"annotation": annotation, "seconds": {"decode": 0.001}}, b""
        original = payload.partition(b" corrected to ")[0]
        if task == "restore":
            changed = payload != original
            return {"refused": None, "changed": [], "standing": []}, original if changed else b""
        label = request["annotation"]["examined"]["label"]
        corrected = original + b" corrected to " + label.encode()
        answer = {"refused": None, "changed": ["X"], "standing": ["BodyPartExamined"]}
        return answer, b"" if payload == corrected else corrected


class House:
    """The service's parts, connected as in `service.main`."""

    def __init__(self, folder, orthanc=None, tags="in-place"):
        self.orthanc = orthanc or Orthanc()
        self.decoders, self.watch = Decoders(), Watch()
        self.settings = Settings.parse({"Tags": tags})
        self.lines = []
        for name, data in _fresh_databases().items():
            if not (folder / name).exists():
                (folder / name).write_bytes(data)
        self.durable = open_durable(folder / "audit.sqlite")
        self.database = open_index(folder / "index.sqlite", self.durable, self.lines.append)
        self.tasks = Tasks(self.database, "node")
        self.index = Index(self.database)
        self.trail = AuditTrail(self.durable)
        self.thumbnails = Thumbnails(folder / "thumbnails.sqlite", 1_000_000)
        self.routes = Routes()
        self.annotations = Annotations(
            self.orthanc,
            self.index,
            self.tasks,
            routing=self.routes,
            with_labels=True,
            in_place=tags == "in-place",
            thumbnails=self.thumbnails,
        )
        self.records = Records(
            self.trail, self.annotations, self.index, self.tasks, self.thumbnails
        )
        self.learning = Nobody()
        self.stopping = threading.Event()
        self.annotator = Annotator(
            self.orthanc,
            self.decoders,
            self.records,
            Metrics(),
            self.learning,
        )
        self.reviewer = Reviewer(
            self.orthanc,
            self.annotator,
            self.records,
            self.learning,
        )
        self.backups = OverwriteBackups(self.durable, self.orthanc)
        self.overwriting = Overwriting(
            self.orthanc,
            self.records,
            self.backups,
            self.watch,
            self.stopping,
            self.lines.append,
        )
        self.main_tags = MainTags(
            self.orthanc, self.database, self.tasks, self.overwriting.alone, settle=0.0
        )
        self.in_place = InPlace(
            self.settings,
            self.orthanc,
            self.decoders,
            self.records,
            self.overwriting,
            self.main_tags,
        )
        self.roll_ups = RollUps(self.records, report_after=None, stopping=self.stopping)

    def ask(self, kind, resource, **options):
        """Put a task into the table."""
        with self.database.write() as connection:
            self.tasks.ask(connection, kind, [resource], **options)

    def claim(self, *kinds):
        """Claim the next task of some kinds."""
        return self.tasks.claim(kinds)

    def claim_due(self, *kinds):
        """Claim the next task of some kinds, even if it is not due yet."""
        with self.database.write() as connection:
            connection.exec_driver_sql("UPDATE tasks SET due = 0")
        return self.claim(*kinds)

    def to_annotate(self):
        """Return the instances that wait to be annotated, and take them from the queue."""
        found = set()
        while task := self.claim(Kind.ANNOTATE):
            found.add(task.resource)
            self.tasks.finish(task)
        return found

    def follow(self):
        """Do all rewrites that are due."""
        while task := self.tasks.claim((Kind.REWRITE,)):
            self.in_place.rewrite(task)
            self.tasks.finish(task)


def heard(database):
    """Return a list to which all statements in transactions are added from now on, with values."""
    statements = []

    def begun(connection):
        # In the driver, because prepared statements bypass SQLAlchemy.
        connection.connection.driver_connection.set_trace_callback(statements.append)

    sa.event.listen(database.engine, "begin", begun)
    return statements


def note(instance="i", label="hand", **fields):
    """Return an annotation as a decoder gives it."""
    seen = {"top": [{"label": label, "probability": 0.9}], "rejected": False, "reason": None}
    annotation = Annotation(
        instance, "done", examined=Examined(label, 0.9, "image"), image=seen, group="others"
    )
    return {**annotation.to_json(), **fields}
