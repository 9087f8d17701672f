"""What the Slack app keeps, in the ledger's database."""

from __future__ import annotations

import sqlalchemy as sql

metadata = sql.MetaData()
# What Slack sent and is to be answered. Its text goes as soon as it is; the row stays against redeliveries.
inbox = sql.Table(
    "slack_inbox",
    metadata,
    sql.Column("seq", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("event_id", sql.String(128), nullable=False, unique=True),
    # One message can come as several events.
    sql.Column("subject", sql.String(255), nullable=False, unique=True),
    sql.Column("kind", sql.String(16), nullable=False),
    sql.Column("channel", sql.String(32), nullable=False),
    # What has the same thread is done in order; "" where no order is needed.
    sql.Column("thread", sql.String(64), nullable=False),
    sql.Column("payload", sql.Text, nullable=True),
    sql.Column("state", sql.String(8), nullable=False),
    sql.Column("received_at", sql.Float, nullable=False),
    sql.Column("not_before", sql.Float, nullable=False),
    sql.Column("finished_at", sql.Float, nullable=True),
    sql.Column("owner", sql.String(40), nullable=True),
    sql.Column("lease_until", sql.Float, nullable=True),
    sql.Column("attempts", sql.Integer, nullable=False),
    # JSON: part of the answer -> timestamp of the message that holds it.
    sql.Column("posted", sql.Text, nullable=False),
    sql.Column("answer_id", sql.String(64), nullable=False),
    sql.Column("private", sql.Boolean, nullable=False),
    sql.Index("slack_inbox_open", "state", "seq"),
    sql.Index("slack_inbox_thread", "thread", "state"),
    sql.Index("slack_inbox_channel", "channel"),
)
threads = sql.Table(
    "slack_threads",
    metadata,
    sql.Column("channel", sql.String(32), primary_key=True),
    sql.Column("thread_ts", sql.String(32), primary_key=True),
    sql.Column("team", sql.String(32), nullable=False),
    sql.Column("asker", sql.String(32), nullable=False),
    sql.Column("conversation_id", sql.String(64), nullable=True),
    sql.Column("handed_off", sql.Boolean, nullable=False),
    sql.Column("last_at", sql.Float, nullable=False),
)
review_queue = sql.Table(
    "review_queue",
    metadata,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("source", sql.String(128), nullable=False, unique=True),
    sql.Column("created_at", sql.String(32), nullable=False),
    sql.Column("link", sql.Text, nullable=False),
    sql.Column("proposed_by", sql.String(64), nullable=False),
    # JSON: {"turns": [{question, answer, answer_id}], "example"?: a golden question}, without personal data and secrets.
    sql.Column("turns", sql.Text, nullable=False),
)
