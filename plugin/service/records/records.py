"""What is kept of instances: a change of one mostly touches several of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.queue.tasks import Tasks
    from service.records.annotations import Annotations
    from service.records.audit_trail import AuditTrail
    from service.records.index import Index
    from service.records.thumbnails import Thumbnails


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one Orthanc's instances.

    For those who work with most of them; who needs one or two is given these.

    Attributes
    ----------
    trail : AuditTrail
        What people said.
    annotations : Annotations
        Writes what is said of instances into Orthanc and the index, and asks for what follows.
    index : Index
        What was written, to be searched.
    tasks : Tasks
        What is still to be done, in the index's database and its transactions.
    thumbnails : Thumbnails
        Small pictures of the stored files.
    """

    trail: AuditTrail
    annotations: Annotations
    index: Index
    tasks: Tasks
    thumbnails: Thumbnails
