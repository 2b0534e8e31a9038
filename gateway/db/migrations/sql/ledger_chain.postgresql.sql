-- What revision 0003 adds on PostgreSQL: writing many entries in one call, and the guards of the hash chain.
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

-- next

CREATE FUNCTION ledger_check_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_block WHERE number = NEW.block) THEN
    RAISE EXCEPTION 'ledger: the block is closed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_link_is_in_time BEFORE INSERT ON ledger_link
  FOR EACH ROW EXECUTE FUNCTION ledger_check_link()

-- next

CREATE FUNCTION ledger_check_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM ledger_head AS head
     WHERE NEW.number = head.number + 1 AND NEW.previous_hash = head.hash AND NEW.first_position = head.position + 1
  ) THEN
    RAISE EXCEPTION 'ledger: a block follows the head of the chain' USING ERRCODE = 'check_violation';
  ELSIF NEW.entries <> NEW.last_position - NEW.first_position + 1 OR NEW.entries <> (
    SELECT count(*) FROM ledger_link AS link
     WHERE link.position BETWEEN NEW.first_position AND NEW.last_position AND link.block = NEW.number
  ) THEN
    RAISE EXCEPTION 'ledger: a block lists its entries' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_block_follows BEFORE INSERT ON ledger_block
  FOR EACH ROW EXECUTE FUNCTION ledger_check_block()

-- next

CREATE FUNCTION ledger_move_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ledger_head SET number = NEW.number, hash = NEW.hash, position = NEW.last_position;
  RETURN NULL;
END $$

-- next

CREATE TRIGGER ledger_block_is_head AFTER INSERT ON ledger_block
  FOR EACH ROW EXECUTE FUNCTION ledger_move_head()

-- next

CREATE FUNCTION ledger_check_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.number <> OLD.number + 1 OR NOT EXISTS (
    SELECT 1 FROM ledger_block AS block
     WHERE block.number = NEW.number AND block.hash = NEW.hash AND block.last_position = NEW.position
  ) THEN
    RAISE EXCEPTION 'ledger: the head of the chain moves with its blocks only' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_head_moves_on BEFORE UPDATE ON ledger_head
  FOR EACH ROW EXECUTE FUNCTION ledger_check_head()

-- next

CREATE FUNCTION ledger_refuse_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: the chain is only ever added to' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER ledger_head_is_one BEFORE INSERT OR DELETE ON ledger_head
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_chain()

-- next

CREATE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_chain()

-- next

CREATE TRIGGER ledger_block_no_change BEFORE UPDATE OR DELETE ON ledger_block
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_chain()

-- next

CREATE TRIGGER ledger_block_no_truncate BEFORE TRUNCATE ON ledger_block
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_chain()

-- next

CREATE TRIGGER ledger_link_no_change BEFORE UPDATE OR DELETE ON ledger_link
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse_chain()

-- next

CREATE TRIGGER ledger_link_no_truncate BEFORE TRUNCATE ON ledger_link
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_chain()
