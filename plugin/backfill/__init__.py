"""The back-fill on any number of machines: helpers that read, and one driver that leads them.

The service keeps the queue and does all writing. A helper takes ids, fetches the files from
Orthanc, has a locked-down decoder read them and returns annotations. Instances that it does not
return in time are given to others.
"""
