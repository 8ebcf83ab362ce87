"""An archive in memory, in the place of Orthanc's, for tests of what is done in which order."""

import json

from bodypart.annotation import Annotation, Examined


class Memory:
    """Files, metadata and labels; put in the place of ``orthanc_side.archive``'s functions."""

    def __init__(self, monkeypatch):
        from orthanc_side import annotator, archive

        self.files, self.metadata, self.labels, self.logged = {}, {}, {}, []
        for name in (
            "dicom", "stored", "ancestors", "exists", "set_metadata", "delete_metadata",
            "user_metadata", "user_attachments", "set_label", "log",
        ):  # fmt: skip
            monkeypatch.setattr(archive, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(archive, "labels", lambda *of: list(self.labels.get(of, [])))
        monkeypatch.setattr(annotator, "stored", self._stored)

    def annotation(self, instance):
        """Return what the metadata say of an instance, None if nothing."""
        return self._stored(instance)

    def wipe(self, instance):
        """Do what an overwrite does to an instance."""
        self.metadata.pop(("instances", instance), None)
        self.labels.pop(("instances", instance), None)

    def _dicom(self, instance):
        from orthanc_side.archive import NotFoundError

        if instance not in self.files:
            raise NotFoundError(instance)
        return self.files[instance]

    def _stored(self, instance, level="instances"):
        text = self.metadata.get((level, instance), {}).get("BodyPart")
        return json.loads(text) if text else None

    def _ancestors(self, _instance):
        from orthanc_side.archive import Ancestors

        return Ancestors("series", "study", "patient")

    def _exists(self, _level, resource):
        return resource in self.files

    def _set_metadata(self, level, resource, name, value):
        self.metadata.setdefault((level, resource), {})[name] = value

    def _delete_metadata(self, level, resource, name):
        self.metadata.get((level, resource), {}).pop(name, None)

    def _user_metadata(self, level, resource):
        return dict(self.metadata.get((level, resource), {}))

    def _user_attachments(self, _level, _resource):
        return []

    def _set_label(self, level, resource, label, *, present):
        labels = self.labels.setdefault((level, resource), [])
        labels.append(label) if present else labels.remove(label)

    def _log(self, message):
        self.logged.append(message)


def note(instance, label="hand"):
    """Return an annotation that the picture gave."""
    return Annotation(
        instance,
        "done",
        examined=Examined(label, 0.99, "image"),
        image={"top": [{"label": label, "probability": 0.99}], "rejected": False},
    ).to_json()


class Engine:
    """Answers "hand" to everything; ``during`` is called while it looks."""

    def __init__(self):
        self.during = None

    def ask(self, task, request, _data, *, urgent=False):
        """Answer one task."""
        if task == "annotate":
            if self.during:
                during, self.during = self.during, None
                during()
            return {"annotation": note(request["instance"]), "seconds": {}}, b""
        if task == "correct":
            label = request["annotation"]["examined"]["label"]
            return {"changed": ["BodyPartExamined"], "refused": None}, label.encode()
        return {}, b""
