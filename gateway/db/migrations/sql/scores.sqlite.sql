-- Tenancy of partners' scores on SQLite. What RAISE refuses here, scores.postgresql.sql refuses in the same words.

CREATE TRIGGER partner_score_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON partner_score WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of a partner score never change');
END
