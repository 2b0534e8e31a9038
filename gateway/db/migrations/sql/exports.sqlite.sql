-- Exports on SQLite. What RAISE refuses here, exports.postgresql.sql refuses in the same words.

CREATE TRIGGER export_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON export WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the merchant and mode of an export never change');
END
