"""A reader of event streams, written from the HTML Standard, section 9.2.6, and from nothing of ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a browser would dispatch it."""

    kind: str
    data: str


def read_events(stream: bytes) -> list[Event]:
    """The events of a whole stream."""
    text = stream.decode("utf-8").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    events: list[Event] = []
    kind, data = "", ""
    for line in lines[:-1]:  # what no line end closed is discarded
        if line == "":
            if data != "":
                events.append(Event(kind or "message", data.removesuffix("\n")))
            kind, data = "", ""
            continue
        if line.startswith(":"):
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        elif name == "event":
            kind = value
    return events
