"""Parents of instances: cached by series, and asked for in bulk."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from service.errors import NotFoundError
from service.orthanc_api.resources import Parents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.orthanc_api.client import Client

_MOST = 8192


class Places:
    """The parents of the few thousand series that were asked for last.

    Orthanc ids are hashes of the DICOM identifiers, so that parents never change; modality, date
    and station may, if files are deleted or replaced: then they are asked for again.

    Parameters
    ----------
    client : Client
        Client of Orthanc's REST API.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._of_series: OrderedDict[str, Parents] = OrderedDict()

    def of_series(self, series: str) -> Parents:
        """Return the parents of a series' instances.

        Raises
        ------
        NotFoundError
            If the series is gone.
        ArchiveError
            If Orthanc does not answer.
        """
        # From the answer, not the cache, which may have dropped it: a series that seems to be
        # deleted would cost its picture the annotation.
        known = self._of_series.get(series) or self._learn([series]).get(series)
        if known is None:
            raise NotFoundError(series)
        return known

    def learn(self, series: Iterable[str]) -> None:
        """Ask for those of some series that are not cached, in two requests for all of them.

        Series that are gone are left out.

        Raises
        ------
        ArchiveError
            If Orthanc does not answer.
        """
        self._learn([one for one in dict.fromkeys(series) if one not in self._of_series])

    def _learn(self, unknown: list[str]) -> dict[str, Parents]:
        """Ask for some series; cache and return those that exist."""
        learned = {}
        found = self._ask(unknown)
        studies = {one["ID"]: one for one in self._ask([one["ParentStudy"] for one in found])}
        for one in found:
            study = studies.get(one["ParentStudy"])
            if study is None:
                continue  # It was deleted between the two requests.
            tags = one["MainDicomTags"]
            learned[one["ID"]] = Parents(
                one["ID"],
                study["ID"],
                str(study["ParentPatient"]),
                str(tags.get("Modality", "")),
                str(study["MainDicomTags"].get("StudyDate", "")),
                str(tags.get("StationName", "")),
            )
        self._of_series.update(learned)
        while len(self._of_series) > _MOST:
            self._of_series.popitem(last=False)
        return learned

    def forget(self, series: str) -> None:
        """Drop a series from the cache, because an instance of it was deleted or replaced."""
        self._of_series.pop(series, None)

    def _ask(self, resources: list[str]) -> list[dict[str, Any]]:
        if not resources:
            return []
        question = {"Resources": list(dict.fromkeys(resources)), "Metadata": False}
        answer: list[dict[str, Any]] = self._client.question("/tools/bulk-content", question)
        return answer
