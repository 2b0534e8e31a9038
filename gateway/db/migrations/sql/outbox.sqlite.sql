-- Tenancy of the outbox on SQLite. What RAISE refuses here, outbox.postgresql.sql refuses in the same words.

CREATE TRIGGER outbox_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON outbox WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of an outbox item never change');
END
