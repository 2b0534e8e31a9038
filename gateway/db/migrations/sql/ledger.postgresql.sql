-- The guards of the ledger on PostgreSQL: nothing is changed, nothing enters a sealed entry, a seal is true.
-- Statements are parted by a line "-- next". What is refused here, ledger.sqlite.sql refuses in the same words.

CREATE FUNCTION ledger_check_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found record;
  reversed text;
BEGIN
  SELECT count(*) AS lines, sum(amount) AS total, sum(greatest(amount, 0)) AS gross
    INTO found FROM ledger_posting WHERE entry_id = NEW.entry_id;
  IF NEW.lines < 2 OR NEW.lines <> found.lines THEN
    RAISE EXCEPTION 'ledger: an entry has at least two postings, as many as its seal says' USING ERRCODE = 'check_violation';
  ELSIF found.total <> 0 THEN
    RAISE EXCEPTION 'ledger: the postings of an entry sum to zero' USING ERRCODE = 'check_violation';
  ELSIF NEW.gross <> found.gross THEN
    RAISE EXCEPTION 'ledger: the seal states the sum of the debits' USING ERRCODE = 'check_violation';
  END IF;
  SELECT reverses INTO reversed FROM ledger_entry WHERE id = NEW.entry_id;
  IF reversed IS NOT NULL AND EXISTS (
    SELECT 1 FROM ledger_posting WHERE entry_id IN (NEW.entry_id, reversed)
     GROUP BY account_id, object_id HAVING sum(amount) <> 0
  ) THEN
    RAISE EXCEPTION 'ledger: a reversal cancels its entry, line by line' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_seal_is_true BEFORE INSERT ON ledger_seal
  FOR EACH ROW EXECUTE FUNCTION ledger_check_seal()

-- next

CREATE FUNCTION ledger_check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM ledger_entry
     WHERE id = NEW.reverses AND reverses IS NULL AND mode = NEW.mode AND merchant_id = NEW.merchant_id
  ) THEN
    RAISE EXCEPTION 'ledger: a reversal cancels an entry of the same merchant and mode that is no reversal'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_entry_is_new BEFORE INSERT ON ledger_entry
  FOR EACH ROW WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION ledger_check_reversal()

-- next

CREATE FUNCTION ledger_check_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM ledger_seal WHERE entry_id = NEW.entry_id) THEN
    RAISE EXCEPTION 'ledger: the entry is sealed' USING ERRCODE = 'check_violation';
  ELSIF (SELECT mode FROM ledger_entry WHERE id = NEW.entry_id)
     <> (SELECT mode FROM ledger_account WHERE id = NEW.account_id) THEN
    RAISE EXCEPTION 'ledger: test and live never meet in an entry' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_posting_is_in_time BEFORE INSERT ON ledger_posting
  FOR EACH ROW EXECUTE FUNCTION ledger_check_posting()

-- next

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: its rows are never changed; post a reversal' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER ledger_entry_no_change BEFORE UPDATE OR DELETE ON ledger_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_entry_no_truncate BEFORE TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_posting_no_change BEFORE UPDATE OR DELETE ON ledger_posting
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_posting_no_truncate BEFORE TRUNCATE ON ledger_posting
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_seal_no_change BEFORE UPDATE OR DELETE ON ledger_seal
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_seal_no_truncate BEFORE TRUNCATE ON ledger_seal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_account_no_change BEFORE UPDATE OR DELETE ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse()

-- next

CREATE TRIGGER ledger_account_no_truncate BEFORE TRUNCATE ON ledger_account
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()

-- next

-- One call writes an entry, its postings and its seal; false when the key is taken. The triggers above check it all.
CREATE FUNCTION ledger_write(
  new_id text, new_mode text, new_kind text, new_key text, new_request_sha256 text, new_reverses text,
  new_merchant_id text, new_object_type text, new_object_id text, new_effective_date date,
  new_recorded_at timestamptz, accounts text[], amounts bigint[], objects text[], new_gross bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ledger_entry (id, mode, kind, key, request_sha256, reverses, merchant_id, object_type, object_id,
                            effective_date, recorded_at)
  VALUES (new_id, new_mode, new_kind, new_key, new_request_sha256, new_reverses, new_merchant_id, new_object_type,
          new_object_id, new_effective_date, new_recorded_at)
  ON CONFLICT (mode, key) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO ledger_posting (entry_id, line, account_id, amount, object_id)
  SELECT new_id, given.line, given.account, given.amount, given.about
    FROM unnest(accounts, amounts, objects) WITH ORDINALITY AS given (account, amount, about, line);
  INSERT INTO ledger_seal (entry_id, lines, gross) VALUES (new_id, cardinality(accounts), new_gross);
  RETURN true;
END $$
