"""The ledger's schema, step by step. `migrate` brings any database that Groundwork ever made up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sql

from groundwork.core.metering.database import reading, writing

# The newest step, so that an up-to-date database is known without importing alembic.
HEAD = "0003"
# Any number that no other application takes a lock by in the same database.
_LOCK = 0x67726F756E64


def migrate(engine: sql.Engine) -> None:
    """Run the steps that this database lacks, in one transaction. Raises Unavailable.

    Of several processes that start at once, one migrates and the others wait for it.
    """
    if _revision(engine) == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    # alembic reads "%" as the beginning of a variable.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: sql.Engine) -> str | None:
    with reading(engine) as connection:
        if not sql.inspect(connection).has_table("alembic_version"):
            return None
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return str(row[0]) if row is not None else None
