-- The guards of contracts on SQLite: none without its confirmed disclosure, none is ever changed or removed.
-- Statements are parted by a line "-- next". What RAISE refuses here, contracts.postgresql.sql refuses in the same words.

CREATE TRIGGER contract_is_disclosed BEFORE INSERT ON contract
BEGIN
  SELECT RAISE(ABORT, 'contract: the disclosure of the same quote is confirmed first, in the same checkout')
   WHERE NOT EXISTS (
     SELECT 1 FROM consent
      WHERE id = NEW.disclosure_consent_id AND kind = 'disclosure' AND checkout_id = NEW.checkout_id
        AND text_sha256 = NEW.quote_sha256
   );
END

-- next

CREATE TRIGGER contract_no_update BEFORE UPDATE ON contract
BEGIN
  SELECT RAISE(ABORT, 'contract: a signed contract is never changed or removed');
END

-- next

CREATE TRIGGER contract_no_delete BEFORE DELETE ON contract
BEGIN
  SELECT RAISE(ABORT, 'contract: a signed contract is never changed or removed');
END
