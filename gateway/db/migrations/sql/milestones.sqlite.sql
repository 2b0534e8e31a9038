-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER milestone_frozen BEFORE UPDATE OF id, merchant_id, mode, payment_id, kind, description, amount_fen, due, hold_days, created_at ON milestone WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.payment_id IS NOT OLD.payment_id OR NEW.kind IS NOT OLD.kind OR NEW.description IS NOT OLD.description OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.due IS NOT OLD.due OR NEW.hold_days IS NOT OLD.hold_days OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'milestone: what it was written with never changes');
END

-- next

CREATE TRIGGER milestone_once BEFORE UPDATE OF capture_id, held_fen ON milestone WHEN (OLD.capture_id IS NOT NULL AND NEW.capture_id IS NOT OLD.capture_id) OR (OLD.held_fen IS NOT NULL AND NEW.held_fen IS NOT OLD.held_fen)
BEGIN
  SELECT RAISE(ABORT, 'milestone: what is set once stands');
END

-- next

CREATE TRIGGER milestone_status_steps BEFORE UPDATE OF status ON milestone WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'planned' AND NEW.status IN ('claimed', 'released', 'canceled')) OR (OLD.status = 'claimed' AND NEW.status IN ('contested', 'released', 'canceled')) OR (OLD.status = 'contested' AND NEW.status IN ('released', 'canceled')))
BEGIN
  SELECT RAISE(ABORT, 'milestone: that is no step of its status');
END

-- next

CREATE TRIGGER milestone_rests BEFORE UPDATE OF capture_id, held_fen, releases_at, returned_fen ON milestone WHEN (OLD.status = 'released' OR OLD.status = 'canceled') AND (NEW.capture_id IS NOT OLD.capture_id OR NEW.held_fen IS NOT OLD.held_fen OR NEW.releases_at IS NOT OLD.releases_at OR NEW.returned_fen IS NOT OLD.returned_fen)
BEGIN
  SELECT RAISE(ABORT, 'milestone: it has ended and rests');
END

-- next

CREATE TRIGGER milestone_remains BEFORE DELETE ON milestone
BEGIN
  SELECT RAISE(ABORT, 'milestone: a row is never removed');
END

-- next

CREATE TRIGGER milestone_event_frozen BEFORE UPDATE OF id, merchant_id, mode, payment_id, milestone_id, kind, said_by, amount_fen, words, files, until, created_at ON milestone_event WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.payment_id IS NOT OLD.payment_id OR NEW.milestone_id IS NOT OLD.milestone_id OR NEW.kind IS NOT OLD.kind OR NEW.said_by IS NOT OLD.said_by OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.words IS NOT OLD.words OR NEW.files IS NOT OLD.files OR NEW.until IS NOT OLD.until OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'milestone event: what it was written with never changes');
END

-- next

CREATE TRIGGER milestone_event_remains BEFORE DELETE ON milestone_event
BEGIN
  SELECT RAISE(ABORT, 'milestone event: a row is never removed');
END

-- next

CREATE TRIGGER milestone_stop_frozen BEFORE UPDATE OF id, merchant_id, mode, reason, cause, stopped_by, stopped_at ON milestone_stop WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.reason IS NOT OLD.reason OR NEW.cause IS NOT OLD.cause OR NEW.stopped_by IS NOT OLD.stopped_by OR NEW.stopped_at IS NOT OLD.stopped_at
BEGIN
  SELECT RAISE(ABORT, 'milestone stop: what it was written with never changes');
END

-- next

CREATE TRIGGER milestone_stop_once BEFORE UPDATE OF lifted_by, lifted_because, lifted_at ON milestone_stop WHEN (OLD.lifted_by IS NOT NULL AND NEW.lifted_by IS NOT OLD.lifted_by) OR (OLD.lifted_because IS NOT NULL AND NEW.lifted_because IS NOT OLD.lifted_because) OR (OLD.lifted_at IS NOT NULL AND NEW.lifted_at IS NOT OLD.lifted_at)
BEGIN
  SELECT RAISE(ABORT, 'milestone stop: what is set once stands');
END

-- next

CREATE TRIGGER milestone_stop_remains BEFORE DELETE ON milestone_stop
BEGIN
  SELECT RAISE(ABORT, 'milestone stop: a row is never removed');
END
