-- References to the outside on PostgreSQL. What is refused here, references.sqlite.sql refuses in the same words.

CREATE TRIGGER collection_keeps_reference BEFORE UPDATE OF reference ON collection
  FOR EACH ROW WHEN (NEW.reference IS DISTINCT FROM OLD.reference)
  EXECUTE FUNCTION tenancy_refuse('the reference of a collection never changes')

-- next

CREATE TRIGGER shopper_return_keeps_reference BEFORE UPDATE OF reference ON shopper_return
  FOR EACH ROW WHEN (NEW.reference IS DISTINCT FROM OLD.reference)
  EXECUTE FUNCTION tenancy_refuse('the reference of a return never changes')

-- next

CREATE TRIGGER payout_keeps_reference BEFORE UPDATE OF reference ON payout
  FOR EACH ROW WHEN (NEW.reference IS DISTINCT FROM OLD.reference)
  EXECUTE FUNCTION tenancy_refuse('the reference of a payout never changes')
