"""Every table. Amounts are whole numbers in the allowance's unit, times are microseconds since 1970 in UTC.

`ledger` is only ever added to. `holds` has a row for each open hold and for no other: ending a hold removes its row.
For every allowance, `leased` is the sum of its `leases`, and each process's lease is what it holds and what it keeps
ready. Every change here wants a migration; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

# SQLite's row numbers are INTEGER and nothing else; elsewhere amounts need 64 bits.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

# What the store says about itself: the check value of its secret, and the statements compiled for it.
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# Two rows, whose numbers grow, so that processes know when to look again: with every change to keys and allowances, and
# with every call that is to be ended.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", NUMBER, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER),
    Column("revoked_at", NUMBER),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False, server_default="issued"),
    Column("tier", Text, nullable=False, server_default=""),
    Column("bound_to", LargeBinary),
    Column("team", Text, nullable=False, server_default=""),
    Column("each_user", Text),
)

# One row is there from the start, the installation.
teams = Table(
    "teams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("models", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("version", Integer, nullable=False),
    Column("each_user", Text),
)

# Those whom a key or a team (`owner`) tells apart, as it does where its `each_user`, JSON of what each is granted, is
# not null. Their allowances are owned by their id; how calls name them is nowhere but here.
end_users = Table(
    "end_users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("first_seen_at", NUMBER, nullable=False),
    Column("blocked_at", NUMBER),
    UniqueConstraint("owner", "name"),
)

_ONLY = keys.c.kind == "self_service"
# What makes it one key for each address, however many ask at once, in however many processes.
Index("one_key_per_address", keys.c.bound_to, unique=True, sqlite_where=_ONLY, postgresql_where=_ONLY)

# A key has several during a rotation; all but the newest have a `valid_until`.
secrets = Table(
    "secrets",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False, index=True),
    Column("valid_until", NUMBER),
    sqlite_with_rowid=False,
)

# One row: the rotating key in force. `sealed` is its secret, encrypted, since it is shown again to who may see it.
rotation = Table(
    "rotation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", NUMBER, nullable=False),
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# `owner` is the id of a key, a team or an end user. `period_start` names the period that `spent` and `leased` belong
# to; it never goes back. `extra` is a part of `granted` that is taken out of it at `extra_until`. `alert_at` are
# thresholds of its own, in per cent, as JSON.
allowances = Table(
    "allowances",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("granted", NUMBER, nullable=False),
    Column("spent", NUMBER, nullable=False),
    Column("leased", NUMBER, nullable=False),
    Column("reset", Text, nullable=False),
    Column("period_start", NUMBER, nullable=False),
    Column("period_end", NUMBER),
    Column("extra", NUMBER, nullable=False, server_default="0"),
    Column("extra_until", NUMBER),
    Column("zone", Text, nullable=False, server_default="UTC"),
    Column("alert_at", Text),
    UniqueConstraint("owner", "unit"),
    CheckConstraint("granted >= 0 AND spent >= 0 AND leased >= 0", name="amounts"),
)

# A row for each start of a serving process; numbers are never used twice, so a number stands for one start. `slot`
# is its place among the workers of one server: whoever has it after another knows that the other is dead.
processes = Table(
    "processes",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("started_at", NUMBER, nullable=False),
    Column("heartbeat_at", NUMBER, nullable=False),
    Column("slot", Text),
    sqlite_autoincrement=True,
)

# Allowances that somebody found empty while others kept some of it ready, and when: they give that back (ruling 12).
recalls = Table(
    "recalls",
    metadata,
    Column("allowance", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("allowance", NUMBER, primary_key=True),
    Column("process", NUMBER, primary_key=True),
    Column("period_start", NUMBER, nullable=False),
    Column("amount", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

# `estimate` is the ledger line to write if the process dies first; on the first row of each reservation.
holds = Table(
    "holds",
    metadata,
    Column("reservation", NUMBER, primary_key=True),
    Column("allowance", NUMBER, primary_key=True),
    Column("process", NUMBER, nullable=False),
    Column("period_start", NUMBER, nullable=False),
    Column("amount", NUMBER, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("estimate", Text),
    sqlite_with_rowid=False,
)

# `items` is JSON: for each kind of tokens its name, their number, and pico-dollars each. `flag`: see `lines.py`.
ledger = Table(
    "ledger",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("prompt_tokens", NUMBER, nullable=False),
    Column("completion_tokens", NUMBER, nullable=False),
    Column("cached_read_tokens", NUMBER, nullable=False),
    Column("cached_write_tokens", NUMBER, nullable=False),
    Column("reasoning_tokens", NUMBER, nullable=False),
    Column("audio_prompt_tokens", NUMBER, nullable=False),
    Column("audio_completion_tokens", NUMBER, nullable=False),
    Column("paid", Integer, nullable=False),
    Column("credits", NUMBER, nullable=False),
    Column("cost_nano_dollars", NUMBER),
    Column("price_version", Text),
    Column("items", Text, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("flag", Text),
    Column("end_user", Text),
    UniqueConstraint("request_id", "attempt"),
)

# Sums over the lines of the ledger that the caller pays, kept in their transactions: by key, UTC day (since 1970) and
# model for everybody (`end_user` empty), and again for each end user. `unpriced` counts those without a cost.
usage = Table(
    "usage",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("end_user", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("calls", NUMBER, nullable=False),
    Column("prompt_tokens", NUMBER, nullable=False),
    Column("completion_tokens", NUMBER, nullable=False),
    Column("credits", NUMBER, nullable=False),
    Column("cost_nano_dollars", NUMBER, nullable=False),
    Column("unpriced", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

# What calls with an `Idempotency-Key` were answered. `status` is null while the call is under way, in `process`; `head`
# is JSON, the headers that belong to the answer. `digest` is of the request, so that another one is told apart.
answers = Table(
    "answers",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("name", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("process", NUMBER, nullable=False),
    Column("until", NUMBER, nullable=False, index=True),
    Column("status", Integer),
    Column("head", Text),
    Column("body", LargeBinary),
)

# Responses that their keys can go on from. `provider` keeps it too, if there is one; `items` and `document` are JSON.
responses = Table(
    "responses",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("previous", Text),
    Column("provider", Text),
    Column("model", Text, nullable=False),
    Column("at", NUMBER, nullable=False),
    Column("until", NUMBER, nullable=False, index=True),
    Column("size", NUMBER, nullable=False),
    Column("items", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
Index("sizes_of_responses", responses.c.key_id, responses.c.at, responses.c.size)

# Files that keys have put at providers. `document` is what the provider said of it then.
files = Table(
    "files",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("at", NUMBER, nullable=False),
)
Index("ids_of_files", files.c.id)

# Who changed what. Only ever added to; `seal` is over the row and the seal of the one before it.
audit = Table(
    "audit",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("request_id", Text),
    Column("seal", LargeBinary, nullable=False),
)

# Calls that are to be ended, of that key or of any, and whether the process that runs one told that it has ended it.
cancels = Table(
    "cancels",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("key_id", Text),
    Column("at", NUMBER, nullable=False),
    Column("is_told", Integer, nullable=False),
)

# What each process runs, as JSON, for whoever asked under that name; the row of no process is the question.
reports = Table(
    "reports",
    metadata,
    Column("question", Text, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("at", NUMBER, nullable=False),
    Column("calls", Text, nullable=False),
)

# Alerts on their way, and those that are there: one for each allowance, threshold and period. `next_at` is when it is
# sent next, null when it is not any more; a row is claimed for a sending by putting that off.
alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("allowance", NUMBER, nullable=False),
    Column("threshold", Integer, nullable=False),
    Column("period", NUMBER, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", NUMBER, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("next_at", NUMBER, index=True),
    Column("delivered_at", NUMBER),
    Column("fault", Text),
    UniqueConstraint("allowance", "threshold", "period"),
)

# One row, if there is one: where alerts go, and the secret that they are signed with, encrypted.
webhook = Table(
    "webhook",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# For people: may lose rows under a flood, and forgets them with age. `detail` is JSON: usage, attempts, stages.
requests = Table(
    "requests",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("request_id", Text, nullable=False, index=True),
    Column("at", NUMBER, nullable=False),
    Column("route", Text, nullable=False),
    Column("key_id", Text),
    Column("key_name", Text),
    Column("address", Text, nullable=False),
    Column("model", Text),
    Column("target", Text),
    Column("stream", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", Text),
    Column("prompt_tokens", NUMBER),
    Column("completion_tokens", NUMBER),
    Column("provenance", Text),
    Column("credits", NUMBER, nullable=False),
    Column("cost_nano_dollars", NUMBER),
    Column("duration_microseconds", NUMBER, nullable=False),
    Column("first_token_microseconds", NUMBER),
    Column("user", Text),
    Column("detail", Text, nullable=False),
)
