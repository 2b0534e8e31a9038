-- What revision 0003 adds to the guards of the ledger on PostgreSQL: writing many entries in one call.
-- Statements are parted by a line "-- next". What is refused here, ledger_chain.sqlite.sql refuses in the same words.

-- Arrays of one element an entry, an entry's seal, and a posting; the ids of the entries whose key was free. The
-- triggers of ledger.postgresql.sql check it all.
CREATE FUNCTION ledger_write_many(
  ids text[], modes text[], kinds text[], keys text[], requests_sha256 text[], reversed text[], merchant_ids text[],
  object_types text[], object_ids text[], effective_dates date[], recorded_at timestamptz[],
  posting_entry_ids text[], posting_lines bigint[], posting_accounts text[], posting_amounts bigint[],
  posting_objects text[], seal_lines bigint[], seal_gross bigint[]
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  written text[];
BEGIN
  WITH new_entry AS (
    INSERT INTO ledger_entry (id, mode, kind, key, request_sha256, reverses, merchant_id, object_type, object_id,
                              effective_date, recorded_at)
    SELECT * FROM unnest(ids, modes, kinds, keys, requests_sha256, reversed, merchant_ids, object_types, object_ids,
                         effective_dates, recorded_at)
    ON CONFLICT (mode, key) DO NOTHING
    RETURNING id
  )
  SELECT coalesce(array_agg(id), '{}') INTO written FROM new_entry;
  INSERT INTO ledger_posting (entry_id, line, account_id, amount, object_id)
  SELECT given.* FROM unnest(posting_entry_ids, posting_lines, posting_accounts, posting_amounts, posting_objects)
                      AS given (entry_id, line, account_id, amount, object_id)
   WHERE cardinality(written) = cardinality(ids) OR given.entry_id = ANY (written);
  INSERT INTO ledger_seal (entry_id, lines, gross)
  SELECT given.* FROM unnest(ids, seal_lines, seal_gross) AS given (entry_id, lines, gross)
   WHERE cardinality(written) = cardinality(ids) OR given.entry_id = ANY (written);
  RETURN written;
END $$
