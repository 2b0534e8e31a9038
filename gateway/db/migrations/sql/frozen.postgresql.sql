-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'check_violation';
END $$

-- next

CREATE FUNCTION keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  name text := split_part(TG_ARGV[0], ':', 1);
  step text := (to_jsonb(OLD) ->> name) || '>' || (to_jsonb(NEW) ->> name);
BEGIN
  IF step = ANY (string_to_array(split_part(TG_ARGV[0], ':', 2), ',')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING
    MESSAGE = replace(TG_TABLE_NAME, '_', ' ') || ': that is no step of its ' || name, ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER applicant_link_frozen BEFORE UPDATE OF position, mode, kind, shopper_id, seen_at ON applicant_link
  FOR EACH ROW WHEN (NEW.position IS DISTINCT FROM OLD.position OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.seen_at IS DISTINCT FROM OLD.seen_at) EXECUTE FUNCTION refuse_change('applicant link: what it was written with never changes')

-- next

CREATE TRIGGER authorization_code_frozen BEFORE UPDATE OF code_lookup, client_id, member_id, mode, redirect_uri, scope, code_challenge, family, dpop_jkt, expires_at ON authorization_code
  FOR EACH ROW WHEN (NEW.code_lookup IS DISTINCT FROM OLD.code_lookup OR NEW.client_id IS DISTINCT FROM OLD.client_id OR NEW.member_id IS DISTINCT FROM OLD.member_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.redirect_uri IS DISTINCT FROM OLD.redirect_uri OR NEW.scope IS DISTINCT FROM OLD.scope OR NEW.code_challenge IS DISTINCT FROM OLD.code_challenge OR NEW.family IS DISTINCT FROM OLD.family OR NEW.dpop_jkt IS DISTINCT FROM OLD.dpop_jkt OR NEW.expires_at IS DISTINCT FROM OLD.expires_at) EXECUTE FUNCTION refuse_change('authorization code: what it was written with never changes')

-- next

CREATE TRIGGER authorization_code_once BEFORE UPDATE OF used_at ON authorization_code
  FOR EACH ROW WHEN ((OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at)) EXECUTE FUNCTION refuse_change('authorization code: what is set once stands')

-- next

CREATE TRIGGER capture_frozen BEFORE UPDATE OF id, payment_id, amount_fen, merchant_fee_fen, vat_fen, merchant_subsidy_fen, loan_id, captured_at ON capture
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.merchant_fee_fen IS DISTINCT FROM OLD.merchant_fee_fen OR NEW.vat_fen IS DISTINCT FROM OLD.vat_fen OR NEW.merchant_subsidy_fen IS DISTINCT FROM OLD.merchant_subsidy_fen OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.captured_at IS DISTINCT FROM OLD.captured_at) EXECUTE FUNCTION refuse_change('capture: what it was written with never changes')

-- next

CREATE TRIGGER capture_remains BEFORE DELETE ON capture
  FOR EACH ROW EXECUTE FUNCTION refuse_change('capture: a row is never removed')

-- next

CREATE TRIGGER captured_line_frozen BEFORE UPDATE OF capture_id, line, payment_id, quantity, amount_fen ON captured_line
  FOR EACH ROW WHEN (NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.line IS DISTINCT FROM OLD.line OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.quantity IS DISTINCT FROM OLD.quantity OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen) EXECUTE FUNCTION refuse_change('captured line: what it was written with never changes')

-- next

CREATE TRIGGER captured_line_remains BEFORE DELETE ON captured_line
  FOR EACH ROW EXECUTE FUNCTION refuse_change('captured line: a row is never removed')

-- next

CREATE TRIGGER captured_serial_frozen BEFORE UPDATE OF merchant_id, mode, serial_number, capture_id ON captured_serial
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.serial_number IS DISTINCT FROM OLD.serial_number OR NEW.capture_id IS DISTINCT FROM OLD.capture_id) EXECUTE FUNCTION refuse_change('captured serial: what it was written with never changes')

-- next

CREATE TRIGGER captured_serial_remains BEFORE DELETE ON captured_serial
  FOR EACH ROW EXECUTE FUNCTION refuse_change('captured serial: a row is never removed')

-- next

CREATE TRIGGER checkout_frozen BEFORE UPDATE OF id, merchant_reference, request_sha256, amount_fen, down_payment_fen, government_subsidy, merchant_discount_fen, category, items, terms, return_url, cancel_url, store, metadata, opened_at, reopens, address_grace_ends, created_at ON checkout
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_reference IS DISTINCT FROM OLD.merchant_reference OR NEW.request_sha256 IS DISTINCT FROM OLD.request_sha256 OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.down_payment_fen IS DISTINCT FROM OLD.down_payment_fen OR NEW.government_subsidy IS DISTINCT FROM OLD.government_subsidy OR NEW.merchant_discount_fen IS DISTINCT FROM OLD.merchant_discount_fen OR NEW.category IS DISTINCT FROM OLD.category OR NEW.items IS DISTINCT FROM OLD.items OR NEW.terms IS DISTINCT FROM OLD.terms OR NEW.return_url IS DISTINCT FROM OLD.return_url OR NEW.cancel_url IS DISTINCT FROM OLD.cancel_url OR NEW.store IS DISTINCT FROM OLD.store OR NEW.metadata IS DISTINCT FROM OLD.metadata OR NEW.opened_at IS DISTINCT FROM OLD.opened_at OR NEW.reopens IS DISTINCT FROM OLD.reopens OR NEW.address_grace_ends IS DISTINCT FROM OLD.address_grace_ends OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('checkout: what it was written with never changes')

-- next

CREATE TRIGGER checkout_once BEFORE UPDATE OF confirmed_at, confirmed_quote_hash, payment_id ON checkout
  FOR EACH ROW WHEN ((OLD.confirmed_at IS NOT NULL AND NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at) OR (OLD.confirmed_quote_hash IS NOT NULL AND NEW.confirmed_quote_hash IS DISTINCT FROM OLD.confirmed_quote_hash) OR (OLD.payment_id IS NOT NULL AND NEW.payment_id IS DISTINCT FROM OLD.payment_id)) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')

-- next

CREATE TRIGGER checkout_status_steps BEFORE UPDATE OF status ON checkout
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:open>identified,open>expired,open>canceled,identified>deciding,identified>expired,identified>canceled,deciding>under_review,deciding>approved,deciding>declined,under_review>approved,under_review>declined,under_review>canceled')

-- next

CREATE TRIGGER checkout_rests BEFORE UPDATE OF confirmed_at, confirmed_quote_hash, decline_code, decline_reasons, disclosed_at, expires_at, identified_at, payment_id, plans, prices, review_due_at, term, unavailable ON checkout
  FOR EACH ROW WHEN ((OLD.status = 'approved' OR OLD.status = 'declined' OR OLD.status = 'expired' OR OLD.status = 'canceled') AND (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at OR NEW.confirmed_quote_hash IS DISTINCT FROM OLD.confirmed_quote_hash OR NEW.decline_code IS DISTINCT FROM OLD.decline_code OR NEW.decline_reasons IS DISTINCT FROM OLD.decline_reasons OR NEW.disclosed_at IS DISTINCT FROM OLD.disclosed_at OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR NEW.identified_at IS DISTINCT FROM OLD.identified_at OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.plans IS DISTINCT FROM OLD.plans OR NEW.prices IS DISTINCT FROM OLD.prices OR NEW.review_due_at IS DISTINCT FROM OLD.review_due_at OR NEW.term IS DISTINCT FROM OLD.term OR NEW.unavailable IS DISTINCT FROM OLD.unavailable)) EXECUTE FUNCTION refuse_change('checkout: it has ended and rests')

-- next

CREATE TRIGGER checkout_remains BEFORE DELETE ON checkout
  FOR EACH ROW EXECUTE FUNCTION refuse_change('checkout: a row is never removed')

-- next

CREATE TRIGGER client_secret_frozen BEFORE UPDATE OF id, client_id, created_at ON client_secret
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.client_id IS DISTINCT FROM OLD.client_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('client secret: what it was written with never changes')

-- next

CREATE TRIGGER collection_frozen BEFORE UPDATE OF id, loan_id, period, attempt, reference, amount_fen, created_at ON collection
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.period IS DISTINCT FROM OLD.period OR NEW.attempt IS DISTINCT FROM OLD.attempt OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('collection: what it was written with never changes')

-- next

CREATE TRIGGER collection_once BEFORE UPDATE OF failure, decided_at ON collection
  FOR EACH ROW WHEN ((OLD.failure IS NOT NULL AND NEW.failure IS DISTINCT FROM OLD.failure) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at)) EXECUTE FUNCTION refuse_change('collection: what is set once stands')

-- next

CREATE TRIGGER collection_status_steps BEFORE UPDATE OF status ON collection
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:pending>succeeded,pending>failed,pending>canceled')

-- next

CREATE TRIGGER collection_remains BEFORE DELETE ON collection
  FOR EACH ROW EXECUTE FUNCTION refuse_change('collection: a row is never removed')

-- next

CREATE TRIGGER credit_decision_frozen BEFORE UPDATE OF id, mode, checkout_id, amount_fen, recommended, outcome, decided_by, limit_fen, reasons, signals, features, fraud_probability, default_probability, fraud_score, credit_score, policy, recommended_limit_fen, model, model_sha256, price_tier, annual_rate_bp, green_uplift_fen, sandbox, latency_us, note, created_at ON credit_decision
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.checkout_id IS DISTINCT FROM OLD.checkout_id OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.recommended IS DISTINCT FROM OLD.recommended OR NEW.outcome IS DISTINCT FROM OLD.outcome OR NEW.decided_by IS DISTINCT FROM OLD.decided_by OR NEW.limit_fen IS DISTINCT FROM OLD.limit_fen OR NEW.reasons IS DISTINCT FROM OLD.reasons OR NEW.signals IS DISTINCT FROM OLD.signals OR NEW.features IS DISTINCT FROM OLD.features OR NEW.fraud_probability IS DISTINCT FROM OLD.fraud_probability OR NEW.default_probability IS DISTINCT FROM OLD.default_probability OR NEW.fraud_score IS DISTINCT FROM OLD.fraud_score OR NEW.credit_score IS DISTINCT FROM OLD.credit_score OR NEW.policy IS DISTINCT FROM OLD.policy OR NEW.recommended_limit_fen IS DISTINCT FROM OLD.recommended_limit_fen OR NEW.model IS DISTINCT FROM OLD.model OR NEW.model_sha256 IS DISTINCT FROM OLD.model_sha256 OR NEW.price_tier IS DISTINCT FROM OLD.price_tier OR NEW.annual_rate_bp IS DISTINCT FROM OLD.annual_rate_bp OR NEW.green_uplift_fen IS DISTINCT FROM OLD.green_uplift_fen OR NEW.sandbox IS DISTINCT FROM OLD.sandbox OR NEW.latency_us IS DISTINCT FROM OLD.latency_us OR NEW.note IS DISTINCT FROM OLD.note OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('credit decision: what it was written with never changes')

-- next

CREATE TRIGGER credit_decision_remains BEFORE DELETE ON credit_decision
  FOR EACH ROW EXECUTE FUNCTION refuse_change('credit decision: a row is never removed')

-- next

CREATE TRIGGER credit_limit_frozen BEFORE UPDATE OF id, shopper_id, funder ON credit_limit
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.funder IS DISTINCT FROM OLD.funder) EXECUTE FUNCTION refuse_change('credit limit: what it was written with never changes')

-- next

CREATE TRIGGER credit_limit_remains BEFORE DELETE ON credit_limit
  FOR EACH ROW EXECUTE FUNCTION refuse_change('credit limit: a row is never removed')

-- next

CREATE TRIGGER decision_request_frozen BEFORE UPDATE OF id, mode, checkout_id, amount_fen, ask_bureau, link_signals, created_at, asked_at ON decision_request
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.checkout_id IS DISTINCT FROM OLD.checkout_id OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.ask_bureau IS DISTINCT FROM OLD.ask_bureau OR NEW.link_signals IS DISTINCT FROM OLD.link_signals OR NEW.created_at IS DISTINCT FROM OLD.created_at OR NEW.asked_at IS DISTINCT FROM OLD.asked_at) EXECUTE FUNCTION refuse_change('decision request: what it was written with never changes')

-- next

CREATE TRIGGER decision_request_once BEFORE UPDATE OF decision_id, decided_at ON decision_request
  FOR EACH ROW WHEN ((OLD.decision_id IS NOT NULL AND NEW.decision_id IS DISTINCT FROM OLD.decision_id) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at)) EXECUTE FUNCTION refuse_change('decision request: what is set once stands')

-- next

CREATE TRIGGER decision_request_remains BEFORE DELETE ON decision_request
  FOR EACH ROW EXECUTE FUNCTION refuse_change('decision request: a row is never removed')

-- next

CREATE TRIGGER destroyed_key_frozen BEFORE UPDATE OF subject_id, destroyed_at ON destroyed_key
  FOR EACH ROW WHEN (NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.destroyed_at IS DISTINCT FROM OLD.destroyed_at) EXECUTE FUNCTION refuse_change('destroyed key: what it was written with never changes')

-- next

CREATE TRIGGER destroyed_key_once BEFORE UPDATE OF gone_at ON destroyed_key
  FOR EACH ROW WHEN ((OLD.gone_at IS NOT NULL AND NEW.gone_at IS DISTINCT FROM OLD.gone_at)) EXECUTE FUNCTION refuse_change('destroyed key: what is set once stands')

-- next

CREATE TRIGGER destroyed_key_remains BEFORE DELETE ON destroyed_key
  FOR EACH ROW EXECUTE FUNCTION refuse_change('destroyed key: a row is never removed')

-- next

CREATE TRIGGER dispute_frozen BEFORE UPDATE OF id, payment_id, capture_id, amount_fen, reason, respond_by, created_at ON dispute
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.respond_by IS DISTINCT FROM OLD.respond_by OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('dispute: what it was written with never changes')

-- next

CREATE TRIGGER dispute_once BEFORE UPDATE OF decided_at ON dispute
  FOR EACH ROW WHEN ((OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at)) EXECUTE FUNCTION refuse_change('dispute: what is set once stands')

-- next

CREATE TRIGGER dispute_status_steps BEFORE UPDATE OF status ON dispute
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:needs_response>under_review,needs_response>won,needs_response>lost,needs_response>accepted,needs_response>canceled,under_review>won,under_review>lost,under_review>canceled')

-- next

CREATE TRIGGER dispute_rests BEFORE UPDATE OF decided_at, evidence ON dispute
  FOR EACH ROW WHEN ((OLD.status = 'won' OR OLD.status = 'lost' OR OLD.status = 'accepted' OR OLD.status = 'canceled') AND (NEW.decided_at IS DISTINCT FROM OLD.decided_at OR NEW.evidence IS DISTINCT FROM OLD.evidence)) EXECUTE FUNCTION refuse_change('dispute: it has ended and rests')

-- next

CREATE TRIGGER dispute_remains BEFORE DELETE ON dispute
  FOR EACH ROW EXECUTE FUNCTION refuse_change('dispute: a row is never removed')

-- next

CREATE TRIGGER erasure_request_frozen BEFORE UPDATE OF id, shopper_id, requested_at ON erasure_request
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.requested_at IS DISTINCT FROM OLD.requested_at) EXECUTE FUNCTION refuse_change('erasure request: what it was written with never changes')

-- next

CREATE TRIGGER erasure_request_once BEFORE UPDATE OF decided_at ON erasure_request
  FOR EACH ROW WHEN ((OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at)) EXECUTE FUNCTION refuse_change('erasure request: what is set once stands')

-- next

CREATE TRIGGER erasure_request_status_steps BEFORE UPDATE OF status ON erasure_request
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:frozen>erased,frozen>withdrawn')

-- next

CREATE TRIGGER erasure_request_rests BEFORE UPDATE OF decided_at, frozen_until, reason ON erasure_request
  FOR EACH ROW WHEN ((OLD.status = 'erased' OR OLD.status = 'withdrawn') AND (NEW.decided_at IS DISTINCT FROM OLD.decided_at OR NEW.frozen_until IS DISTINCT FROM OLD.frozen_until OR NEW.reason IS DISTINCT FROM OLD.reason)) EXECUTE FUNCTION refuse_change('erasure request: it has ended and rests')

-- next

CREATE TRIGGER erasure_request_remains BEFORE DELETE ON erasure_request
  FOR EACH ROW EXECUTE FUNCTION refuse_change('erasure request: a row is never removed')

-- next

CREATE TRIGGER event_frozen BEFORE UPDATE OF id, type, object_id, sequence, position, data, created_at ON event
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.type IS DISTINCT FROM OLD.type OR NEW.object_id IS DISTINCT FROM OLD.object_id OR NEW.sequence IS DISTINCT FROM OLD.sequence OR NEW.position IS DISTINCT FROM OLD.position OR NEW.data IS DISTINCT FROM OLD.data OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('event: what it was written with never changes')

-- next

CREATE TRIGGER event_remains BEFORE DELETE ON event
  FOR EACH ROW EXECUTE FUNCTION refuse_change('event: a row is never removed')

-- next

CREATE TRIGGER former_particulars_frozen BEFORE UPDATE OF id, shopper_id, held_until, ended_by ON former_particulars
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.held_until IS DISTINCT FROM OLD.held_until OR NEW.ended_by IS DISTINCT FROM OLD.ended_by) EXECUTE FUNCTION refuse_change('former particulars: what it was written with never changes')

-- next

CREATE TRIGGER human_review_frozen BEFORE UPDATE OF id, mode, checkout_id, shopper_id, decision_id, requested_at, due_at ON human_review
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.checkout_id IS DISTINCT FROM OLD.checkout_id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.decision_id IS DISTINCT FROM OLD.decision_id OR NEW.requested_at IS DISTINCT FROM OLD.requested_at OR NEW.due_at IS DISTINCT FROM OLD.due_at) EXECUTE FUNCTION refuse_change('human review: what it was written with never changes')

-- next

CREATE TRIGGER human_review_once BEFORE UPDATE OF resolved_at, resolved_by, note ON human_review
  FOR EACH ROW WHEN ((OLD.resolved_at IS NOT NULL AND NEW.resolved_at IS DISTINCT FROM OLD.resolved_at) OR (OLD.resolved_by IS NOT NULL AND NEW.resolved_by IS DISTINCT FROM OLD.resolved_by) OR (OLD.note IS NOT NULL AND NEW.note IS DISTINCT FROM OLD.note)) EXECUTE FUNCTION refuse_change('human review: what is set once stands')

-- next

CREATE TRIGGER human_review_status_steps BEFORE UPDATE OF status ON human_review
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:requested>upheld,requested>reconsider')

-- next

CREATE TRIGGER human_review_remains BEFORE DELETE ON human_review
  FOR EACH ROW EXECUTE FUNCTION refuse_change('human review: a row is never removed')

-- next

CREATE TRIGGER invitation_frozen BEFORE UPDATE OF id, token_lookup, merchant_id, invited_by, email, name, role, created_at, expires_at ON invitation
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.token_lookup IS DISTINCT FROM OLD.token_lookup OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.invited_by IS DISTINCT FROM OLD.invited_by OR NEW.email IS DISTINCT FROM OLD.email OR NEW.name IS DISTINCT FROM OLD.name OR NEW.role IS DISTINCT FROM OLD.role OR NEW.created_at IS DISTINCT FROM OLD.created_at OR NEW.expires_at IS DISTINCT FROM OLD.expires_at) EXECUTE FUNCTION refuse_change('invitation: what it was written with never changes')

-- next

CREATE TRIGGER invitation_once BEFORE UPDATE OF used_at, sent_at ON invitation
  FOR EACH ROW WHEN ((OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at) OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at)) EXECUTE FUNCTION refuse_change('invitation: what is set once stands')

-- next

CREATE TRIGGER key_in_use_frozen BEFORE UPDATE OF kind, key_id, recorded_at ON key_in_use
  FOR EACH ROW WHEN (NEW.kind IS DISTINCT FROM OLD.kind OR NEW.key_id IS DISTINCT FROM OLD.key_id OR NEW.recorded_at IS DISTINCT FROM OLD.recorded_at) EXECUTE FUNCTION refuse_change('key in use: what it was written with never changes')

-- next

CREATE TRIGGER key_in_use_remains BEFORE DELETE ON key_in_use
  FOR EACH ROW EXECUTE FUNCTION refuse_change('key in use: a row is never removed')

-- next

CREATE TRIGGER limit_movement_frozen BEFORE UPDATE OF id, limit_id, reason, amount_fen, about, created_at ON limit_movement
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.limit_id IS DISTINCT FROM OLD.limit_id OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.about IS DISTINCT FROM OLD.about OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('limit movement: what it was written with never changes')

-- next

CREATE TRIGGER limit_movement_remains BEFORE DELETE ON limit_movement
  FOR EACH ROW EXECUTE FUNCTION refuse_change('limit movement: a row is never removed')

-- next

CREATE TRIGGER list_entry_frozen BEFORE UPDATE OF id, mode, kind, note, added_by, created_at ON list_entry
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.note IS DISTINCT FROM OLD.note OR NEW.added_by IS DISTINCT FROM OLD.added_by OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('list entry: what it was written with never changes')

-- next

CREATE TRIGGER list_entry_once BEFORE UPDATE OF ended_at ON list_entry
  FOR EACH ROW WHEN ((OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)) EXECUTE FUNCTION refuse_change('list entry: what is set once stands')

-- next

CREATE TRIGGER list_entry_remains BEFORE DELETE ON list_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_change('list entry: a row is never removed')

-- next

CREATE TRIGGER loan_frozen BEFORE UPDATE OF id, shopper_id, payment_id, capture_id, funder, principal_fen, price, contract_date, subsidy_fen, late_daily_rate, late_grace_days, early_settlement_policy, created_at ON loan
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.funder IS DISTINCT FROM OLD.funder OR NEW.principal_fen IS DISTINCT FROM OLD.principal_fen OR NEW.price IS DISTINCT FROM OLD.price OR NEW.contract_date IS DISTINCT FROM OLD.contract_date OR NEW.subsidy_fen IS DISTINCT FROM OLD.subsidy_fen OR NEW.late_daily_rate IS DISTINCT FROM OLD.late_daily_rate OR NEW.late_grace_days IS DISTINCT FROM OLD.late_grace_days OR NEW.early_settlement_policy IS DISTINCT FROM OLD.early_settlement_policy OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('loan: what it was written with never changes')

-- next

CREATE TRIGGER loan_status_steps BEFORE UPDATE OF status ON loan
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:active>overdue,active>settled,active>refunded,active>unwound,active>written_off,overdue>active,overdue>settled,overdue>refunded,overdue>unwound,overdue>written_off,settled>unwound,refunded>unwound')

-- next

CREATE TRIGGER loan_remains BEFORE DELETE ON loan
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan: a row is never removed')

-- next

CREATE TRIGGER loan_bill_frozen BEFORE UPDATE OF loan_id, period, due_date, principal_fen, interest_fen, fee_fen ON loan_bill
  FOR EACH ROW WHEN (NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.period IS DISTINCT FROM OLD.period OR NEW.due_date IS DISTINCT FROM OLD.due_date OR NEW.principal_fen IS DISTINCT FROM OLD.principal_fen OR NEW.interest_fen IS DISTINCT FROM OLD.interest_fen OR NEW.fee_fen IS DISTINCT FROM OLD.fee_fen) EXECUTE FUNCTION refuse_change('loan bill: what it was written with never changes')

-- next

CREATE TRIGGER loan_bill_remains BEFORE DELETE ON loan_bill
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan bill: a row is never removed')

-- next

CREATE TRIGGER loan_credit_change_frozen BEFORE UPDATE OF id, loan_id, changed_on, amount_fen, about ON loan_credit_change
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.changed_on IS DISTINCT FROM OLD.changed_on OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.about IS DISTINCT FROM OLD.about) EXECUTE FUNCTION refuse_change('loan credit change: what it was written with never changes')

-- next

CREATE TRIGGER loan_credit_change_remains BEFORE DELETE ON loan_credit_change
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan credit change: a row is never removed')

-- next

CREATE TRIGGER loan_instalment_frozen BEFORE UPDATE OF loan_id, version, period, due_date, principal_fen, interest_fen, fee_fen, payment_fen, balance_fen ON loan_instalment
  FOR EACH ROW WHEN (NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.version IS DISTINCT FROM OLD.version OR NEW.period IS DISTINCT FROM OLD.period OR NEW.due_date IS DISTINCT FROM OLD.due_date OR NEW.principal_fen IS DISTINCT FROM OLD.principal_fen OR NEW.interest_fen IS DISTINCT FROM OLD.interest_fen OR NEW.fee_fen IS DISTINCT FROM OLD.fee_fen OR NEW.payment_fen IS DISTINCT FROM OLD.payment_fen OR NEW.balance_fen IS DISTINCT FROM OLD.balance_fen) EXECUTE FUNCTION refuse_change('loan instalment: what it was written with never changes')

-- next

CREATE TRIGGER loan_instalment_remains BEFORE DELETE ON loan_instalment
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan instalment: a row is never removed')

-- next

CREATE TRIGGER loan_principal_reduction_frozen BEFORE UPDATE OF id, loan_id, period, reduced_on, amount_fen, waives_late ON loan_principal_reduction
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.period IS DISTINCT FROM OLD.period OR NEW.reduced_on IS DISTINCT FROM OLD.reduced_on OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.waives_late IS DISTINCT FROM OLD.waives_late) EXECUTE FUNCTION refuse_change('loan principal reduction: what it was written with never changes')

-- next

CREATE TRIGGER loan_principal_reduction_remains BEFORE DELETE ON loan_principal_reduction
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan principal reduction: a row is never removed')

-- next

CREATE TRIGGER loan_repayment_frozen BEFORE UPDATE OF id, loan_id, reference, received_on, amount_fen, created_at ON loan_repayment
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.received_on IS DISTINCT FROM OLD.received_on OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('loan repayment: what it was written with never changes')

-- next

CREATE TRIGGER loan_repayment_remains BEFORE DELETE ON loan_repayment
  FOR EACH ROW EXECUTE FUNCTION refuse_change('loan repayment: a row is never removed')

-- next

CREATE TRIGGER merchant_frozen BEFORE UPDATE OF id, name, name_en, category, allowed_origins, created_at ON merchant
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.name IS DISTINCT FROM OLD.name OR NEW.name_en IS DISTINCT FROM OLD.name_en OR NEW.category IS DISTINCT FROM OLD.category OR NEW.allowed_origins IS DISTINCT FROM OLD.allowed_origins OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('merchant: what it was written with never changes')

-- next

CREATE TRIGGER merchant_remains BEFORE DELETE ON merchant
  FOR EACH ROW EXECUTE FUNCTION refuse_change('merchant: a row is never removed')

-- next

CREATE TRIGGER oauth_client_frozen BEFORE UPDATE OF id, kind, created_at ON oauth_client
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('oauth client: what it was written with never changes')

-- next

CREATE TRIGGER oauth_client_remains BEFORE DELETE ON oauth_client
  FOR EACH ROW EXECUTE FUNCTION refuse_change('oauth client: a row is never removed')

-- next

CREATE TRIGGER partner_score_frozen BEFORE UPDATE OF id, reference, features, consents, answer, model, model_sha256, created_at ON partner_score
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.features IS DISTINCT FROM OLD.features OR NEW.consents IS DISTINCT FROM OLD.consents OR NEW.answer IS DISTINCT FROM OLD.answer OR NEW.model IS DISTINCT FROM OLD.model OR NEW.model_sha256 IS DISTINCT FROM OLD.model_sha256 OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('partner score: what it was written with never changes')

-- next

CREATE TRIGGER partner_score_remains BEFORE DELETE ON partner_score
  FOR EACH ROW EXECUTE FUNCTION refuse_change('partner score: a row is never removed')

-- next

CREATE TRIGGER passkey_frozen BEFORE UPDATE OF id, member_id, credential_id, public_key, name, created_at ON passkey
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.member_id IS DISTINCT FROM OLD.member_id OR NEW.credential_id IS DISTINCT FROM OLD.credential_id OR NEW.public_key IS DISTINCT FROM OLD.public_key OR NEW.name IS DISTINCT FROM OLD.name OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('passkey: what it was written with never changes')

-- next

CREATE TRIGGER payment_frozen BEFORE UPDATE OF id, checkout_id, shopper_id, funder, amount_fen, term, plan, price, government_subsidy, store, expires_at, acknowledge_by, created_at ON payment
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.checkout_id IS DISTINCT FROM OLD.checkout_id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.funder IS DISTINCT FROM OLD.funder OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.term IS DISTINCT FROM OLD.term OR NEW.plan IS DISTINCT FROM OLD.plan OR NEW.price IS DISTINCT FROM OLD.price OR NEW.government_subsidy IS DISTINCT FROM OLD.government_subsidy OR NEW.store IS DISTINCT FROM OLD.store OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR NEW.acknowledge_by IS DISTINCT FROM OLD.acknowledge_by OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('payment: what it was written with never changes')

-- next

CREATE TRIGGER payment_once BEFORE UPDATE OF merchant_order_id, acknowledged_at ON payment
  FOR EACH ROW WHEN ((OLD.merchant_order_id IS NOT NULL AND NEW.merchant_order_id IS DISTINCT FROM OLD.merchant_order_id) OR (OLD.acknowledged_at IS NOT NULL AND NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at)) EXECUTE FUNCTION refuse_change('payment: what is set once stands')

-- next

CREATE TRIGGER payment_remains BEFORE DELETE ON payment
  FOR EACH ROW EXECUTE FUNCTION refuse_change('payment: a row is never removed')

-- next

CREATE TRIGGER payment_line_frozen BEFORE UPDATE OF payment_id, line, name, category, subsidy_category, ordered, amount_fen, subsidy_fen ON payment_line
  FOR EACH ROW WHEN (NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.line IS DISTINCT FROM OLD.line OR NEW.name IS DISTINCT FROM OLD.name OR NEW.category IS DISTINCT FROM OLD.category OR NEW.subsidy_category IS DISTINCT FROM OLD.subsidy_category OR NEW.ordered IS DISTINCT FROM OLD.ordered OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.subsidy_fen IS DISTINCT FROM OLD.subsidy_fen) EXECUTE FUNCTION refuse_change('payment line: what it was written with never changes')

-- next

CREATE TRIGGER payment_line_remains BEFORE DELETE ON payment_line
  FOR EACH ROW EXECUTE FUNCTION refuse_change('payment line: a row is never removed')

-- next

CREATE TRIGGER payout_frozen BEFORE UPDATE OF id, settlement_id, institution, funder, reference, amount_fen, created_at ON payout
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.settlement_id IS DISTINCT FROM OLD.settlement_id OR NEW.institution IS DISTINCT FROM OLD.institution OR NEW.funder IS DISTINCT FROM OLD.funder OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('payout: what it was written with never changes')

-- next

CREATE TRIGGER payout_once BEFORE UPDATE OF failure, paid_at ON payout
  FOR EACH ROW WHEN ((OLD.failure IS NOT NULL AND NEW.failure IS DISTINCT FROM OLD.failure) OR (OLD.paid_at IS NOT NULL AND NEW.paid_at IS DISTINCT FROM OLD.paid_at)) EXECUTE FUNCTION refuse_change('payout: what is set once stands')

-- next

CREATE TRIGGER payout_status_steps BEFORE UPDATE OF status ON payout
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:pending>in_transit,pending>paid,pending>failed,in_transit>paid,in_transit>failed,paid>returned')

-- next

CREATE TRIGGER payout_remains BEFORE DELETE ON payout
  FOR EACH ROW EXECUTE FUNCTION refuse_change('payout: a row is never removed')

-- next

CREATE TRIGGER plan_price_frozen BEFORE UPDATE OF id, merchant_id, category, funder, term, method, annual_rate, fee_rate_total, fee_timing, fee_rate_per_period, merchant_fee_rate, merchant_subsidy_rate, min_amount_fen, max_amount_fen, valid_from ON plan_price
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.category IS DISTINCT FROM OLD.category OR NEW.funder IS DISTINCT FROM OLD.funder OR NEW.term IS DISTINCT FROM OLD.term OR NEW.method IS DISTINCT FROM OLD.method OR NEW.annual_rate IS DISTINCT FROM OLD.annual_rate OR NEW.fee_rate_total IS DISTINCT FROM OLD.fee_rate_total OR NEW.fee_timing IS DISTINCT FROM OLD.fee_timing OR NEW.fee_rate_per_period IS DISTINCT FROM OLD.fee_rate_per_period OR NEW.merchant_fee_rate IS DISTINCT FROM OLD.merchant_fee_rate OR NEW.merchant_subsidy_rate IS DISTINCT FROM OLD.merchant_subsidy_rate OR NEW.min_amount_fen IS DISTINCT FROM OLD.min_amount_fen OR NEW.max_amount_fen IS DISTINCT FROM OLD.max_amount_fen OR NEW.valid_from IS DISTINCT FROM OLD.valid_from) EXECUTE FUNCTION refuse_change('plan price: what it was written with never changes')

-- next

CREATE TRIGGER plan_price_once BEFORE UPDATE OF valid_to ON plan_price
  FOR EACH ROW WHEN ((OLD.valid_to IS NOT NULL AND NEW.valid_to IS DISTINCT FROM OLD.valid_to)) EXECUTE FUNCTION refuse_change('plan price: what is set once stands')

-- next

CREATE TRIGGER plan_price_remains BEFORE DELETE ON plan_price
  FOR EACH ROW EXECUTE FUNCTION refuse_change('plan price: a row is never removed')

-- next

CREATE TRIGGER publishable_key_frozen BEFORE UPDATE OF key, created_at ON publishable_key
  FOR EACH ROW WHEN (NEW.key IS DISTINCT FROM OLD.key OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('publishable key: what it was written with never changes')

-- next

CREATE TRIGGER publishable_key_remains BEFORE DELETE ON publishable_key
  FOR EACH ROW EXECUTE FUNCTION refuse_change('publishable key: a row is never removed')

-- next

CREATE TRIGGER refund_frozen BEFORE UPDATE OF id, payment_id, capture_id, refund_reference, reason, amount_fen, loan_reduction_fen, initiated_by, created_at ON refund
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.refund_reference IS DISTINCT FROM OLD.refund_reference OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.loan_reduction_fen IS DISTINCT FROM OLD.loan_reduction_fen OR NEW.initiated_by IS DISTINCT FROM OLD.initiated_by OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('refund: what it was written with never changes')

-- next

CREATE TRIGGER refund_status_steps BEFORE UPDATE OF status ON refund
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:pending>succeeded,pending>failed,succeeded>pending,failed>pending')

-- next

CREATE TRIGGER refund_remains BEFORE DELETE ON refund
  FOR EACH ROW EXECUTE FUNCTION refuse_change('refund: a row is never removed')

-- next

CREATE TRIGGER row_version_frozen BEFORE UPDATE OF number, of, row_key, sha256 ON row_version
  FOR EACH ROW WHEN (NEW.number IS DISTINCT FROM OLD.number OR NEW.of IS DISTINCT FROM OLD.of OR NEW.row_key IS DISTINCT FROM OLD.row_key OR NEW.sha256 IS DISTINCT FROM OLD.sha256) EXECUTE FUNCTION refuse_change('row version: what it was written with never changes')

-- next

CREATE TRIGGER row_version_remains BEFORE DELETE ON row_version
  FOR EACH ROW EXECUTE FUNCTION refuse_change('row version: a row is never removed')

-- next

CREATE TRIGGER score_usage_frozen BEFORE UPDATE OF merchant_id, mode, day ON score_usage
  FOR EACH ROW WHEN (NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.day IS DISTINCT FROM OLD.day) EXECUTE FUNCTION refuse_change('score usage: what it was written with never changes')

-- next

CREATE TRIGGER score_usage_remains BEFORE DELETE ON score_usage
  FOR EACH ROW EXECUTE FUNCTION refuse_change('score usage: a row is never removed')

-- next

CREATE TRIGGER settlement_batch_frozen BEFORE UPDATE OF id, settled_on, opening_fen, captures_fen, subsidies_fen, merchant_fees_fen, merchant_subsidies_fen, refunds_fen, disputes_fen, adjustments_fen, reserve_change_fen, closing_fen, payout_fen, created_at ON settlement_batch
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.settled_on IS DISTINCT FROM OLD.settled_on OR NEW.opening_fen IS DISTINCT FROM OLD.opening_fen OR NEW.captures_fen IS DISTINCT FROM OLD.captures_fen OR NEW.subsidies_fen IS DISTINCT FROM OLD.subsidies_fen OR NEW.merchant_fees_fen IS DISTINCT FROM OLD.merchant_fees_fen OR NEW.merchant_subsidies_fen IS DISTINCT FROM OLD.merchant_subsidies_fen OR NEW.refunds_fen IS DISTINCT FROM OLD.refunds_fen OR NEW.disputes_fen IS DISTINCT FROM OLD.disputes_fen OR NEW.adjustments_fen IS DISTINCT FROM OLD.adjustments_fen OR NEW.reserve_change_fen IS DISTINCT FROM OLD.reserve_change_fen OR NEW.closing_fen IS DISTINCT FROM OLD.closing_fen OR NEW.payout_fen IS DISTINCT FROM OLD.payout_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('settlement batch: what it was written with never changes')

-- next

CREATE TRIGGER settlement_batch_once BEFORE UPDATE OF payout_id ON settlement_batch
  FOR EACH ROW WHEN ((OLD.payout_id IS NOT NULL AND NEW.payout_id IS DISTINCT FROM OLD.payout_id)) EXECUTE FUNCTION refuse_change('settlement batch: what is set once stands')

-- next

CREATE TRIGGER settlement_batch_remains BEFORE DELETE ON settlement_batch
  FOR EACH ROW EXECUTE FUNCTION refuse_change('settlement batch: a row is never removed')

-- next

CREATE TRIGGER settlement_line_frozen BEFORE UPDATE OF id, kind, object_id, payment_id, capture_id, merchant_reference, store, amount_fen, merchant_fee_fen, merchant_subsidy_fen, net_fen, from_pending_fen, settlement_date, test_failure, entry_id, created_at ON settlement_line
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.object_id IS DISTINCT FROM OLD.object_id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.merchant_reference IS DISTINCT FROM OLD.merchant_reference OR NEW.store IS DISTINCT FROM OLD.store OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.merchant_fee_fen IS DISTINCT FROM OLD.merchant_fee_fen OR NEW.merchant_subsidy_fen IS DISTINCT FROM OLD.merchant_subsidy_fen OR NEW.net_fen IS DISTINCT FROM OLD.net_fen OR NEW.from_pending_fen IS DISTINCT FROM OLD.from_pending_fen OR NEW.settlement_date IS DISTINCT FROM OLD.settlement_date OR NEW.test_failure IS DISTINCT FROM OLD.test_failure OR NEW.entry_id IS DISTINCT FROM OLD.entry_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('settlement line: what it was written with never changes')

-- next

CREATE TRIGGER settlement_line_once BEFORE UPDATE OF batch_id ON settlement_line
  FOR EACH ROW WHEN ((OLD.batch_id IS NOT NULL AND NEW.batch_id IS DISTINCT FROM OLD.batch_id)) EXECUTE FUNCTION refuse_change('settlement line: what is set once stands')

-- next

CREATE TRIGGER settlement_line_remains BEFORE DELETE ON settlement_line
  FOR EACH ROW EXECUTE FUNCTION refuse_change('settlement line: a row is never removed')

-- next

CREATE TRIGGER shadow_score_frozen BEFORE UPDATE OF decision_id, challenger, model, model_sha256, fraud_probability, default_probability, credit_score, outcome, limit_fen, policy, created_at ON shadow_score
  FOR EACH ROW WHEN (NEW.decision_id IS DISTINCT FROM OLD.decision_id OR NEW.challenger IS DISTINCT FROM OLD.challenger OR NEW.model IS DISTINCT FROM OLD.model OR NEW.model_sha256 IS DISTINCT FROM OLD.model_sha256 OR NEW.fraud_probability IS DISTINCT FROM OLD.fraud_probability OR NEW.default_probability IS DISTINCT FROM OLD.default_probability OR NEW.credit_score IS DISTINCT FROM OLD.credit_score OR NEW.outcome IS DISTINCT FROM OLD.outcome OR NEW.limit_fen IS DISTINCT FROM OLD.limit_fen OR NEW.policy IS DISTINCT FROM OLD.policy OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('shadow score: what it was written with never changes')

-- next

CREATE TRIGGER shadow_score_remains BEFORE DELETE ON shadow_score
  FOR EACH ROW EXECUTE FUNCTION refuse_change('shadow score: a row is never removed')

-- next

CREATE TRIGGER shopper_frozen BEFORE UPDATE OF id, created_at ON shopper
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('shopper: what it was written with never changes')

-- next

CREATE TRIGGER shopper_once BEFORE UPDATE OF erased_at ON shopper
  FOR EACH ROW WHEN ((OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at)) EXECUTE FUNCTION refuse_change('shopper: what is set once stands')

-- next

CREATE TRIGGER shopper_remains BEFORE DELETE ON shopper
  FOR EACH ROW EXECUTE FUNCTION refuse_change('shopper: a row is never removed')

-- next

CREATE TRIGGER shopper_return_frozen BEFORE UPDATE OF id, shopper_id, loan_id, refund_id, reference, amount_fen, created_at ON shopper_return
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.loan_id IS DISTINCT FROM OLD.loan_id OR NEW.refund_id IS DISTINCT FROM OLD.refund_id OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('shopper return: what it was written with never changes')

-- next

CREATE TRIGGER shopper_return_once BEFORE UPDATE OF decided_at ON shopper_return
  FOR EACH ROW WHEN ((OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at)) EXECUTE FUNCTION refuse_change('shopper return: what is set once stands')

-- next

CREATE TRIGGER shopper_return_status_steps BEFORE UPDATE OF status ON shopper_return
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:pending>succeeded,pending>failed')

-- next

CREATE TRIGGER shopper_return_rests BEFORE UPDATE OF decided_at, failure ON shopper_return
  FOR EACH ROW WHEN ((OLD.status = 'succeeded' OR OLD.status = 'failed') AND (NEW.decided_at IS DISTINCT FROM OLD.decided_at OR NEW.failure IS DISTINCT FROM OLD.failure)) EXECUTE FUNCTION refuse_change('shopper return: it has ended and rests')

-- next

CREATE TRIGGER shopper_return_remains BEFORE DELETE ON shopper_return
  FOR EACH ROW EXECUTE FUNCTION refuse_change('shopper return: a row is never removed')

-- next

CREATE TRIGGER subject_key_frozen BEFORE UPDATE OF subject_id, created_at ON subject_key
  FOR EACH ROW WHEN (NEW.subject_id IS DISTINCT FROM OLD.subject_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('subject key: what it was written with never changes')

-- next

CREATE TRIGGER subsidy_claim_frozen BEFORE UPDATE OF id, payment_id, capture_id, programme, amount_fen, created_at ON subsidy_claim
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.capture_id IS DISTINCT FROM OLD.capture_id OR NEW.programme IS DISTINCT FROM OLD.programme OR NEW.amount_fen IS DISTINCT FROM OLD.amount_fen OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('subsidy claim: what it was written with never changes')

-- next

CREATE TRIGGER subsidy_claim_once BEFORE UPDATE OF paid_at ON subsidy_claim
  FOR EACH ROW WHEN ((OLD.paid_at IS NOT NULL AND NEW.paid_at IS DISTINCT FROM OLD.paid_at)) EXECUTE FUNCTION refuse_change('subsidy claim: what is set once stands')

-- next

CREATE TRIGGER subsidy_claim_remains BEFORE DELETE ON subsidy_claim
  FOR EACH ROW EXECUTE FUNCTION refuse_change('subsidy claim: a row is never removed')

-- next

CREATE TRIGGER subsidy_programme_frozen BEFORE UPDATE OF id, code, category, grade, rate, price_cap_fen, amount_cap_fen, valid_from, valid_to, region ON subsidy_programme
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.code IS DISTINCT FROM OLD.code OR NEW.category IS DISTINCT FROM OLD.category OR NEW.grade IS DISTINCT FROM OLD.grade OR NEW.rate IS DISTINCT FROM OLD.rate OR NEW.price_cap_fen IS DISTINCT FROM OLD.price_cap_fen OR NEW.amount_cap_fen IS DISTINCT FROM OLD.amount_cap_fen OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.valid_to IS DISTINCT FROM OLD.valid_to OR NEW.region IS DISTINCT FROM OLD.region) EXECUTE FUNCTION refuse_change('subsidy programme: what it was written with never changes')

-- next

CREATE TRIGGER subsidy_programme_remains BEFORE DELETE ON subsidy_programme
  FOR EACH ROW EXECUTE FUNCTION refuse_change('subsidy programme: a row is never removed')

-- next

CREATE TRIGGER subsidy_quota_frozen BEFORE UPDATE OF mode, programme, category, payment_id, reserved_at ON subsidy_quota
  FOR EACH ROW WHEN (NEW.mode IS DISTINCT FROM OLD.mode OR NEW.programme IS DISTINCT FROM OLD.programme OR NEW.category IS DISTINCT FROM OLD.category OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.reserved_at IS DISTINCT FROM OLD.reserved_at) EXECUTE FUNCTION refuse_change('subsidy quota: what it was written with never changes')

-- next

CREATE TRIGGER subsidy_quota_once BEFORE UPDATE OF used_at ON subsidy_quota
  FOR EACH ROW WHEN ((OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at)) EXECUTE FUNCTION refuse_change('subsidy quota: what is set once stands')

-- next

CREATE TRIGGER team_member_frozen BEFORE UPDATE OF id, merchant_id, created_at ON team_member
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('team member: what it was written with never changes')

-- next

CREATE TRIGGER team_member_once BEFORE UPDATE OF removed_at ON team_member
  FOR EACH ROW WHEN ((OLD.removed_at IS NOT NULL AND NEW.removed_at IS DISTINCT FROM OLD.removed_at)) EXECUTE FUNCTION refuse_change('team member: what is set once stands')

-- next

CREATE TRIGGER team_member_remains BEFORE DELETE ON team_member
  FOR EACH ROW EXECUTE FUNCTION refuse_change('team member: a row is never removed')

-- next

CREATE TRIGGER test_clock_frozen BEFORE UPDATE OF id, name, created_at ON test_clock
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.name IS DISTINCT FROM OLD.name OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('test clock: what it was written with never changes')

-- next

CREATE TRIGGER test_clock_status_steps BEFORE UPDATE OF status ON test_clock
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:ready>advancing,advancing>ready')

-- next

CREATE TRIGGER test_clock_remains BEFORE DELETE ON test_clock
  FOR EACH ROW EXECUTE FUNCTION refuse_change('test clock: a row is never removed')

-- next

CREATE TRIGGER webhook_attempt_frozen BEFORE UPDATE OF id, delivery_id, number, url, request_headers, response_status, error, duration_ms, next_at, created_at ON webhook_attempt
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.delivery_id IS DISTINCT FROM OLD.delivery_id OR NEW.number IS DISTINCT FROM OLD.number OR NEW.url IS DISTINCT FROM OLD.url OR NEW.request_headers IS DISTINCT FROM OLD.request_headers OR NEW.response_status IS DISTINCT FROM OLD.response_status OR NEW.error IS DISTINCT FROM OLD.error OR NEW.duration_ms IS DISTINCT FROM OLD.duration_ms OR NEW.next_at IS DISTINCT FROM OLD.next_at OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('webhook attempt: what it was written with never changes')

-- next

CREATE TRIGGER webhook_delivery_frozen BEFORE UPDATE OF id, endpoint_id, event_id, type, object_id, sequence, cause, sample, created_at ON webhook_delivery
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.endpoint_id IS DISTINCT FROM OLD.endpoint_id OR NEW.event_id IS DISTINCT FROM OLD.event_id OR NEW.type IS DISTINCT FROM OLD.type OR NEW.object_id IS DISTINCT FROM OLD.object_id OR NEW.sequence IS DISTINCT FROM OLD.sequence OR NEW.cause IS DISTINCT FROM OLD.cause OR NEW.sample IS DISTINCT FROM OLD.sample OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('webhook delivery: what it was written with never changes')

-- next

CREATE TRIGGER webhook_endpoint_frozen BEFORE UPDATE OF id, created_at ON webhook_endpoint
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('webhook endpoint: what it was written with never changes')

-- next

CREATE TRIGGER webhook_endpoint_once BEFORE UPDATE OF deleted_at ON webhook_endpoint
  FOR EACH ROW WHEN ((OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)) EXECUTE FUNCTION refuse_change('webhook endpoint: what is set once stands')

-- next

CREATE TRIGGER webhook_endpoint_remains BEFORE DELETE ON webhook_endpoint
  FOR EACH ROW EXECUTE FUNCTION refuse_change('webhook endpoint: a row is never removed')

-- next

CREATE TRIGGER webhook_secret_frozen BEFORE UPDATE OF id, endpoint_id, created_at ON webhook_secret
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.endpoint_id IS DISTINCT FROM OLD.endpoint_id OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('webhook secret: what it was written with never changes')
