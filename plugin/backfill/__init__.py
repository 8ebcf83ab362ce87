"""The back-fill on any number of machines: helpers that read, and one driver that leads them.

The queue stays with the service, and so does every write. A helper takes ids, reads the files from
Orthanc, has a locked-down decoder look at them and gives annotations back. What it does not bring
in time is given to others.
"""
