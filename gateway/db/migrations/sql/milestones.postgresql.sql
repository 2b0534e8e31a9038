-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER milestone_frozen BEFORE UPDATE OF id, merchant_id, mode, payment_id, kind, description, amount_fen, due, hold_days, created_at ON milestone
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.description IS DISTINCT FROM OLD.description OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.due IS DISTINCT FROM OLD.due OR NEW.hold_days IS DISTINCT FROM OLD.hold_days OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('milestone: what it was written with never changes')

-- next

CREATE TRIGGER milestone_once BEFORE UPDATE OF capture_id, held_fen ON milestone
  FOR EACH ROW WHEN ((OLD.capture_id IS NOT NULL AND NEW.capture_id IS DISTINCT FROM OLD.capture_id) OR (OLD.held_fen IS NOT NULL AND NEW.held_fen IS DISTINCT FROM OLD.held_fen)) EXECUTE FUNCTION refuse_change('milestone: what is set once stands')

-- next

CREATE TRIGGER milestone_status_steps BEFORE UPDATE OF status ON milestone
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:planned>claimed,planned>released,planned>canceled,claimed>contested,claimed>released,claimed>canceled,contested>released,contested>canceled')

-- next

CREATE TRIGGER milestone_rests BEFORE UPDATE OF capture_id, held_fen, releases_at, returned_fen ON milestone
  FOR EACH ROW WHEN ((OLD.status = 'released' OR OLD.status = 'canceled') AND (NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.held_fen IS DISTINCT FROM OLD.held_fen OR NEW.releases_at IS DISTINCT FROM OLD.releases_at OR NEW.returned_fen IS DISTINCT FROM OLD.returned_fen)) EXECUTE FUNCTION refuse_change('milestone: it has ended and rests')

-- next

CREATE TRIGGER milestone_remains BEFORE DELETE ON milestone
  FOR EACH ROW EXECUTE FUNCTION refuse_change('milestone: a row is never removed')

-- next

CREATE TRIGGER milestone_event_frozen BEFORE UPDATE OF id, merchant_id, mode, payment_id, milestone_id, kind, said_by, amount_fen, words, files, until, created_at ON milestone_event
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.milestone_id IS DISTINCT FROM OLD.milestone_id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.said_by IS DISTINCT FROM OLD.said_by OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.words IS DISTINCT FROM OLD.words OR NEW.files IS DISTINCT FROM OLD.files OR NEW.until IS DISTINCT FROM OLD.until OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('milestone event: what it was written with never changes')

-- next

CREATE TRIGGER milestone_event_remains BEFORE DELETE ON milestone_event
  FOR EACH ROW EXECUTE FUNCTION refuse_change('milestone event: a row is never removed')

-- next

CREATE TRIGGER milestone_stop_frozen BEFORE UPDATE OF id, merchant_id, mode, reason, cause, stopped_by, stopped_at ON milestone_stop
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.cause IS DISTINCT FROM OLD.cause OR NEW.stopped_by IS DISTINCT FROM OLD.stopped_by OR NEW.stopped_at IS DISTINCT FROM OLD.stopped_at) EXECUTE FUNCTION refuse_change('milestone stop: what it was written with never changes')

-- next

CREATE TRIGGER milestone_stop_once BEFORE UPDATE OF lifted_by, lifted_because, lifted_at ON milestone_stop
  FOR EACH ROW WHEN ((OLD.lifted_by IS NOT NULL AND NEW.lifted_by IS DISTINCT FROM OLD.lifted_by) OR (OLD.lifted_because IS NOT NULL AND NEW.lifted_because IS DISTINCT FROM OLD.lifted_because) OR (OLD.lifted_at IS NOT NULL AND NEW.lifted_at IS DISTINCT FROM OLD.lifted_at)) EXECUTE FUNCTION refuse_change('milestone stop: what is set once stands')

-- next

CREATE TRIGGER milestone_stop_remains BEFORE DELETE ON milestone_stop
  FOR EACH ROW EXECUTE FUNCTION refuse_change('milestone stop: a row is never removed')
