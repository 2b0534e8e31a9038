-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER complaint_frozen BEFORE UPDATE OF id, mode, shopper_id, loan_id, kind, text_sealed, due_on, created_at ON complaint
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.text_sealed IS DISTINCT FROM OLD.text_sealed OR NEW.due_on IS DISTINCT FROM OLD.due_on OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('complaint: what it was written with never changes')

-- next

CREATE TRIGGER complaint_once BEFORE UPDATE OF answer_sealed, answered_by, answered_at ON complaint
  FOR EACH ROW WHEN ((OLD.answer_sealed IS NOT NULL AND NEW.answer_sealed IS DISTINCT FROM OLD.answer_sealed) OR (OLD.answered_by IS NOT NULL AND NEW.answered_by IS DISTINCT FROM OLD.answered_by) OR (OLD.answered_at IS NOT NULL AND NEW.answered_at IS DISTINCT FROM OLD.answered_at)) EXECUTE FUNCTION refuse_change('complaint: what is set once stands')

-- next

CREATE TRIGGER complaint_status_steps BEFORE UPDATE OF status ON complaint
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:open>answered')

-- next

CREATE TRIGGER complaint_rests BEFORE UPDATE OF answer_sealed, answered_at, answered_by ON complaint
  FOR EACH ROW WHEN ((OLD.status = 'answered') AND (NEW.answer_sealed IS DISTINCT FROM OLD.answer_sealed OR NEW.answered_at IS DISTINCT FROM OLD.answered_at OR NEW.answered_by IS DISTINCT FROM OLD.answered_by)) EXECUTE FUNCTION refuse_change('complaint: it has ended and rests')

-- next

CREATE TRIGGER complaint_remains BEFORE DELETE ON complaint
  FOR EACH ROW EXECUTE FUNCTION refuse_change('complaint: a row is never removed')
