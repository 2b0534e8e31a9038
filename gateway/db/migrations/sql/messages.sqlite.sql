-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER message_frozen BEFORE UPDATE OF id, merchant_id, mode, shopper_id, kind, about, facts, useful_until, created_at ON message WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.kind IS NOT OLD.kind OR NEW.about IS NOT OLD.about OR NEW.facts IS NOT OLD.facts OR NEW.useful_until IS NOT OLD.useful_until OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'message: what it was written with never changes');
END

-- next

CREATE TRIGGER message_status_steps BEFORE UPDATE OF status ON message WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'planned' AND NEW.status IN ('sending', 'dropped')) OR (OLD.status = 'sending' AND NEW.status IN ('sent', 'failed')))
BEGIN
  SELECT RAISE(ABORT, 'message: that is no step of its status');
END

-- next

CREATE TRIGGER message_rests BEFORE UPDATE OF day, left_at, planned_at, slot, why ON message WHEN (OLD.status = 'sent' OR OLD.status = 'failed' OR OLD.status = 'dropped') AND (NEW.day IS NOT OLD.day OR NEW.left_at IS NOT OLD.left_at OR NEW.planned_at IS NOT OLD.planned_at OR NEW.slot IS NOT OLD.slot OR NEW.why IS NOT OLD.why)
BEGIN
  SELECT RAISE(ABORT, 'message: it has ended and rests');
END

-- next

CREATE TRIGGER message_remains BEFORE DELETE ON message
BEGIN
  SELECT RAISE(ABORT, 'message: a row is never removed');
END

-- next

CREATE TRIGGER message_slot_frozen BEFORE UPDATE OF shopper_id, day, number, taken_at ON message_slot WHEN NEW.shopper_id IS NOT OLD.shopper_id OR NEW.day IS NOT OLD.day OR NEW.number IS NOT OLD.number OR NEW.taken_at IS NOT OLD.taken_at
BEGIN
  SELECT RAISE(ABORT, 'message slot: what it was written with never changes');
END

-- next

CREATE TRIGGER message_slot_remains BEFORE DELETE ON message_slot
BEGIN
  SELECT RAISE(ABORT, 'message slot: a row is never removed');
END

-- next

CREATE TRIGGER checkout_language_once BEFORE UPDATE OF language ON checkout WHEN OLD.language IS NOT NULL AND NEW.language IS NOT OLD.language
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END
