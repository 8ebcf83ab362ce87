"""Stand-ins for parts of the service that most tests of the others do without."""

from contextlib import contextmanager


class Watch:
    """Stand-in for `Rescue`, which keeps files that are stored during a rewrite."""

    def __init__(self):
        self.file = None
        self.watched = []
        self.own = {}

    @contextmanager
    def watching(self, instance, _mark):
        self.watched.append(instance)
        yield

    def note_own(self, instance, entry):
        self.own[instance] = entry

    def kept(self, _instance, _limit=0.0):
        return self.file

    def drop(self, _instance):
        """Do nothing: the file that a test has set stays."""


class Nobody:
    """Stand-in for `Learning` that learns nothing."""

    def __init__(self):
        self.empty, self.told = [], []

    def keep(self, connection, instance, seen):
        """Ignore what the model saw in a picture that is being annotated."""

    def tell_word(self, instance, seen):
        """Note an instance in which the model saw what its word was said of."""
        self.told.append(instance)

    def saw_nothing(self, instance):
        """Note an instance in which the model saw nothing."""
        self.empty.append(instance)

    def wake(self):
        """Ignore that a person said a word."""


class Routes:
    """Stand-in for `Routing` that sends nothing, and notes what it is to decide about."""

    def __init__(self):
        self.taken = []

    def take(self, annotation, parents, *, if_known=False):
        """Note an instance, and whether it is to be routed only if it was before."""
        self.taken.append((annotation["instance"], if_known))

    def removed(self, instance):
        """Ignore that an annotation was removed."""
