-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER dispute_statement_frozen BEFORE UPDATE OF id, shopper_id, text_sealed, created_at ON dispute_statement
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.text_sealed IS DISTINCT FROM OLD.text_sealed OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('dispute statement: what it was written with never changes')

-- next

CREATE TRIGGER dispute_statement_remains BEFORE DELETE ON dispute_statement
  FOR EACH ROW EXECUTE FUNCTION refuse_change('dispute statement: a row is never removed')
