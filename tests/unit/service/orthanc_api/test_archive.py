"""What is asked of Orthanc, and what is made of its answers."""

import pytest

from service.errors import LostFileError, NotFoundError
from service.orthanc_api.archive import Archive
from service.orthanc_api.resources import Held, Parents, StoredFile

PLACES = [("instances", "i"), ("series", "s")]


class Client:
    """An Orthanc that answers each path with what a test gives; remembers what was asked."""

    def __init__(self, version="1.12.7", **answers):
        self.answers = {"/system": {"Version": version}, **answers}
        self.asked = []

    def get_json(self, path):
        self.asked.append(path)
        if path not in self.answers:
            raise NotFoundError(path)
        return self.answers[path]

    get = get_json

    def question(self, path, asked):
        self.asked.append(path)
        return [self.answers[one] for one in asked["Resources"] if one in self.answers]


def resource(id_, metadata=None, **more):
    return {"ID": id_, "Metadata": metadata or {}, **more}


def test_what_is_noted_of_several_resources_is_one_question():
    client = Client(
        i=resource("i", {"BodyPart": "{}", "1025": "x", "ReceptionDate": "2026"}, Labels=["a"]),
        s=resource("s", {"LastUpdate": "2026", "ModifiedFrom": "other"}, Labels=[]),
    )
    archive = Archive(client, registered_metadata=frozenset({"BodyPart"}))
    assert archive.held(PLACES) == [
        Held("instances", "i", {"BodyPart": "{}", "1025": "x"}, ["a"], None),
        Held("series", "s", {}, [], "ModifiedFrom", "other"),
    ]
    assert client.asked == ["/system", "/tools/bulk-content"]


@pytest.mark.parametrize("ip", ["10.0.0.2", "::ffff:10.0.0.2"])
def test_a_sender_s_address_is_the_same_at_an_ipv6_port(ip):
    noted = {"/instances/i/metadata?expand": {"RemoteIP": ip}}
    assert Archive(Client(**noted)).sender("i") == ("", "10.0.0.2")


def test_a_link_may_stand_beside_the_metadata():
    archive = Archive(Client(i=resource("i", AnonymizedFrom="o", Labels=[])))
    assert archive.held(PLACES[:1])[0].link == "AnonymizedFrom"


def test_what_was_modified_in_its_place_is_no_copy():
    """Its file was never rewritten again: Orthanc notes that it is modified from itself."""
    archive = Archive(Client(i=resource("i", {"ModifiedFrom": "i"}, ModifiedFrom="i", Labels=[])))
    assert archive.held(PLACES[:1])[0].link is None


@pytest.mark.parametrize("name", ["Instances", "Series", "Studies"])
@pytest.mark.parametrize("children", [["one"], ["one", "other"]])
def test_of_each_level_it_is_known_whether_it_goes_with_its_only_child(name, children):
    archive = Archive(Client(s=resource("s", Labels=[], **{name: children})))
    assert archive.held(PLACES[1:])[0].alone == (len(children) == 1)


@pytest.mark.parametrize("link", ["AnonymizedFrom", "ModifiedFrom"])
def test_of_a_copy_it_is_known_of_what_it_is_one(link):
    found = {"ID": "i", "FileUuid": "file", "FileSize": 1, link: "o"}
    stored = StoredFile.of(found, Parents("s", "t", "p"))
    assert (stored.originals, stored.anonymized) == (("o",), link == "AnonymizedFrom")


def test_an_orthanc_without_labels_has_none_and_one_that_does_not_tell_is_asked():
    old = Archive(Client("1.10.1", i=resource("i")))
    assert old.held(PLACES[:1])[0].labels == []
    other = Archive(Client(i=resource("i"), **{"/instances/i/labels": ["a"]}))
    assert other.held(PLACES[:1])[0].labels == ["a"]


def test_what_is_gone_is_named_and_nothing_is_asked_about_nothing():
    client = Client(i=resource("i", Labels=[]))
    archive = Archive(client)
    with pytest.raises(NotFoundError, match="s"):
        archive.held(PLACES)
    client.asked.clear()
    assert archive.held([]) == []
    assert client.asked == []


def test_metadata_of_others_that_are_not_utf_8_are_held_byte_by_byte():
    """Orthanc makes other letters of them in JSON, which an overwrite gave back in their place."""

    class Written(Client):
        def put(self, path, data):
            self.answers[path] = data

    raw = "Fußnote".encode("latin-1")
    texts = {"1025": "Fu\u07eeote", "1026": "Füße", "1027": "é", "BodyPart": '{"é": 1}'}
    client = Written(
        i=resource("i", texts, Labels=[]),
        **{"/instances/i/metadata/1025": raw, "/instances/i/metadata/1026": "Füße".encode()},
    )
    archive = Archive(client, registered_metadata=frozenset({"BodyPart"}))
    held = archive.held(PLACES[:1])[0].metadata
    assert held == texts | {"1025": "Fu\udcdfnote"}
    assert client.asked[2:] == [f"/instances/i/metadata/{name}" for name in (1025, 1026, 1027)]
    archive.set_metadata("instances", "i", "1025", held["1025"])
    assert client.answers["/instances/i/metadata/1025"] == raw


FILE = bytes(128) + b"DICM" + bytes(99)


@pytest.mark.parametrize("as_stored", [FILE, b"compressed", FILE[128:], b""])
def test_an_old_stock_is_read_past_the_cache_unless_it_is_stored_in_another_form(as_stored):
    usual, raw = "/instances/i/file", "/instances/i/attachments/dicom/compressed-data"
    client = Client(**{usual: FILE, raw: as_stored})
    archive = Archive(client)
    asked = len(client.asked)
    assert archive.dicom("i", old_stock=True) == FILE
    assert client.asked[asked:] == ([raw] if as_stored == FILE else [raw, usual])
    assert archive.dicom("i") == FILE
    assert client.asked[-1] == usual


@pytest.mark.parametrize("noted", [b"", None])
def test_an_orthanc_that_notes_no_md5_has_the_file_read(noted):
    """`StoreMD5ForAttachments` may be false: what was to be rewritten then waited for ever."""

    class Gone(Client):
        def get(self, path):
            if self.answers.get(path) is None:
                raise NotFoundError(path)
            return super().get(path)

    md5 = "/instances/i/attachments/dicom/md5"
    archive = Archive(Gone(**{md5: noted, "/instances/i/file": b"file"}))
    assert archive.md5("i") == "8c7dd922ad47494fc02c388e12c00eac"
    assert Archive(Gone(**{md5: b"abc\n"})).md5("i") == "abc"
    with pytest.raises(NotFoundError):
        Archive(Gone()).md5("i")


@pytest.mark.parametrize("old_stock", [False, True])
def test_an_instance_whose_file_is_lost_is_not_gone(old_stock):
    """It was taken out of the index, and found anew by each sweep: a back-fill never ended."""
    with pytest.raises(LostFileError):
        Archive(Client(**{"/instances/i/metadata": []})).dicom("i", old_stock=old_stock)
    with pytest.raises(NotFoundError):
        Archive(Client()).dicom("i", old_stock=old_stock)


def test_a_series_taken_for_an_instance_is_no_instance():
    """Orthanc tells of any level: a word on a series was an internal error."""
    archive = Archive(Client(s=resource("s", ParentStudy="study"), p=resource("p")))
    assert archive.glance(["s", "p", "gone"]) == {}
