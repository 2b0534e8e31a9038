-- The guards of contracts on PostgreSQL: none without its confirmed disclosure, none is ever changed or removed.
-- Statements are parted by a line "-- next". What is refused here, contracts.sqlite.sql refuses in the same words.

CREATE FUNCTION contract_check_disclosure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM consent
     WHERE id = NEW.disclosure_consent_id AND kind = 'disclosure' AND checkout_id = NEW.checkout_id
       AND text_sha256 = NEW.quote_sha256
  ) THEN
    RAISE EXCEPTION 'contract: the disclosure of the same quote is confirmed first, in the same checkout'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER contract_is_disclosed BEFORE INSERT ON contract
  FOR EACH ROW EXECUTE FUNCTION contract_check_disclosure()

-- next

CREATE FUNCTION contract_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'contract: a signed contract is never changed or removed' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER contract_no_change BEFORE UPDATE OR DELETE ON contract
  FOR EACH ROW EXECUTE FUNCTION contract_refuse()

-- next

CREATE TRIGGER contract_no_truncate BEFORE TRUNCATE ON contract
  FOR EACH STATEMENT EXECUTE FUNCTION contract_refuse()
