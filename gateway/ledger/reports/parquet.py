"""The lines of the ledger as Parquet: typed columns in row groups, amounts as whole fen. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO, Any

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from gateway.ledger.reports.journals import LINE_COLUMNS, JournalEntry, line_rows

ROWS_AT_ONCE = 2_000
"""Rows held as Python objects; Arrow's columns are about a tenth of their size."""
ROWS_PER_GROUP = 64_000

WORD = pa.dictionary(pa.int32(), pa.string())
"""Text of which a column has few different ones."""
TYPES = {
    "entry": pa.string(),
    "line": pa.int32(),
    "effective_date": pa.date32(),
    "recorded_at": pa.timestamp("us", tz="UTC"),
    "key": pa.string(),
    "reverses": pa.string(),
    "object": pa.string(),
    "amount_fen": pa.int64(),
}
"""Of the columns that are not ``WORD``."""
SCHEMA = pa.schema(
    [
        pa.field(name, TYPES.get(name, WORD), nullable=name == "reverses")
        for name in (*LINE_COLUMNS, "amount_fen")
    ]
)
"""``effective_date`` in Shanghai, ``recorded_at`` in UTC, ``amount_fen`` above 0 is debit and below 0 credit."""


def write(file: IO[bytes], entries: Iterable[JournalEntry]) -> None:
    """Write a row for each line of the entries, with one row group in memory at a time. Raises ``OSError``."""
    words = [field.name for field in SCHEMA if field.type == WORD]
    rows = chain.from_iterable(line_rows(entry, recorded_at=entry.recorded_at) for entry in entries)
    with ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=words) as writer:
        batches = _batches(rows)
        while group := list(islice(batches, ROWS_PER_GROUP // ROWS_AT_ONCE)):
            table = pa.Table.from_batches(group, SCHEMA).unify_dictionaries()
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
    while some := list(islice(rows, ROWS_AT_ONCE)):
        columns = zip(*some, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
