"""What has no media type gets the one that its address or name says."""

from tollbar.wire.gemini.media import audio_type, file_type, image_type


def test_types_by_the_end_of_an_address() -> None:
    """Without regard for a query or for case; the usual one where it says nothing."""
    assert image_type("https://example.org/a.PNG?x=.gif") == "image/png"
    assert image_type("https://example.org/a") == image_type("http://[") == "image/jpeg"
    assert file_type("gs://bucket/a.csv") == "text/csv"
    assert file_type("https://example.org/a.png") == "application/pdf"
    assert audio_type("wav") == "audio/wav"
