"""What picture and headers say, as the tests of the fusion make it up."""

from bodypart.evidence import HeaderMatch, HeaderReading, ImageReading


def picture(*, rejected=False, visible=(), child=None, **probabilities):
    """Return a reading of a picture with these probabilities of its parts."""
    reason = "it is not like a radiograph" if rejected else None
    return ImageReading(probabilities, visible, child, None, rejected, reason)


def header(*labels, attribute="SeriesDescription", attributes=(), region=None, **more):
    """Return a reading of headers of which each attribute names the same."""
    matches = tuple(
        HeaderMatch(name, "text", "text", labels, region) for name in attributes or (attribute,)
    )
    return HeaderReading(
        label=labels[0] if len(labels) == 1 else None,
        labels=labels,
        region=region,
        evidence=matches if labels or region else (),
        **more,
    )


NOTHING = HeaderReading()
