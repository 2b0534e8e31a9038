-- The guards of the consent log on PostgreSQL: consents and their withdrawals are added, never changed or removed.
-- Statements are parted by a line "-- next". What is refused here, consents.sqlite.sql refuses in the same words.

CREATE FUNCTION consent_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'consent: the log is only ever added to' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER consent_no_change BEFORE UPDATE OR DELETE ON consent
  FOR EACH ROW EXECUTE FUNCTION consent_refuse()

-- next

CREATE TRIGGER consent_no_truncate BEFORE TRUNCATE ON consent
  FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse()

-- next

CREATE TRIGGER consent_withdrawal_no_change BEFORE UPDATE OR DELETE ON consent_withdrawal
  FOR EACH ROW EXECUTE FUNCTION consent_refuse()

-- next

CREATE TRIGGER consent_withdrawal_no_truncate BEFORE TRUNCATE ON consent_withdrawal
  FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse()
