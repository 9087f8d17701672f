"""Answers, feedback and plain charges, as the first versions made them without migrations."""

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is missing: databases from before the migrations have all three."""
    present = set(sql.inspect(op.get_bind()).get_table_names())
    if "answers" not in present:
        op.create_table(
            "answers",
            sql.Column("id", sql.String(64), primary_key=True),
            sql.Column("created_at", sql.String(32), nullable=False, index=True),
            sql.Column("body", sql.LargeBinary, nullable=False),
        )
    if "feedback" not in present:
        op.create_table(
            "feedback",
            sql.Column("id", sql.Integer, primary_key=True, autoincrement=True),
            sql.Column("answer_id", sql.String(64), nullable=False, index=True),
            sql.Column("created_at", sql.String(32), nullable=False),
            sql.Column("rating", sql.String(8), nullable=False),
            sql.Column("comment", sql.Text, nullable=False),
        )
    if "charges" not in present:
        op.create_table(
            "charges",
            sql.Column("answer_id", sql.String(64), primary_key=True),
            sql.Column("stage", sql.String(32), primary_key=True),
            sql.Column("meter", sql.String(32), primary_key=True),
            sql.Column("created_at", sql.String(32), nullable=False, index=True),
            sql.Column("release", sql.String(64), nullable=False),
            sql.Column("quantity", sql.BigInteger, nullable=False),
            sql.Column("picodollars", sql.BigInteger, nullable=False),
        )
