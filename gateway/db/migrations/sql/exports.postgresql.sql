-- Exports on PostgreSQL. What is refused here, exports.sqlite.sql refuses in the same words.

CREATE TRIGGER export_keeps_tenant BEFORE UPDATE OF merchant_id, mode ON export
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode)
  EXECUTE FUNCTION tenancy_refuse('the merchant and mode of an export never change')
