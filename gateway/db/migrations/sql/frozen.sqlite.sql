-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER applicant_link_frozen BEFORE UPDATE OF position, mode, kind, shopper_id, seen_at ON applicant_link WHEN NEW.position IS NOT OLD.position OR NEW.mode IS NOT OLD.mode OR NEW.kind IS NOT OLD.kind OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.seen_at IS NOT OLD.seen_at
BEGIN
  SELECT RAISE(ABORT, 'applicant link: what it was written with never changes');
END

-- next

CREATE TRIGGER authorization_code_frozen BEFORE UPDATE OF code_lookup, client_id, member_id, mode, redirect_uri, scope, code_challenge, family, dpop_jkt, expires_at ON authorization_code WHEN NEW.code_lookup IS NOT OLD.code_lookup OR NEW.client_id IS NOT OLD.client_id OR NEW.member_id IS NOT OLD.member_id OR NEW.mode IS NOT OLD.mode OR NEW.redirect_uri IS NOT OLD.redirect_uri OR NEW.scope IS NOT OLD.scope OR NEW.code_challenge IS NOT OLD.code_challenge OR NEW.family IS NOT OLD.family OR NEW.dpop_jkt IS NOT OLD.dpop_jkt OR NEW.expires_at IS NOT OLD.expires_at
BEGIN
  SELECT RAISE(ABORT, 'authorization code: what it was written with never changes');
END

-- next

CREATE TRIGGER authorization_code_once BEFORE UPDATE OF used_at ON authorization_code WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NOT OLD.used_at)
BEGIN
  SELECT RAISE(ABORT, 'authorization code: what is set once stands');
END

-- next

CREATE TRIGGER capture_frozen BEFORE UPDATE OF id, payment_id, amount_fen, merchant_fee_fen, vat_fen, merchant_subsidy_fen, loan_id, captured_at ON capture WHEN NEW.id IS NOT OLD.id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.merchant_fee_fen IS NOT OLD.merchant_fee_fen OR NEW.vat_fen IS NOT OLD.vat_fen OR NEW.merchant_subsidy_fen IS NOT OLD.merchant_subsidy_fen OR NEW.loan_id IS NOT OLD.loan_id OR NEW.captured_at IS NOT OLD.captured_at
BEGIN
  SELECT RAISE(ABORT, 'capture: what it was written with never changes');
END

-- next

CREATE TRIGGER capture_remains BEFORE DELETE ON capture
BEGIN
  SELECT RAISE(ABORT, 'capture: a row is never removed');
END

-- next

CREATE TRIGGER captured_line_frozen BEFORE UPDATE OF capture_id, line, payment_id, quantity, amount_fen ON captured_line WHEN NEW.capture_id IS NOT OLD.capture_id OR NEW.line IS NOT OLD.line OR NEW.payment_id IS NOT OLD.payment_id OR NEW.quantity IS NOT OLD.quantity OR NEW.amount_fen IS NOT OLD.amount_fen
BEGIN
  SELECT RAISE(ABORT, 'captured line: what it was written with never changes');
END

-- next

CREATE TRIGGER captured_line_remains BEFORE DELETE ON captured_line
BEGIN
  SELECT RAISE(ABORT, 'captured line: a row is never removed');
END

-- next

CREATE TRIGGER captured_serial_frozen BEFORE UPDATE OF merchant_id, mode, serial_number, capture_id ON captured_serial WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.serial_number IS NOT OLD.serial_number OR NEW.capture_id IS NOT OLD.capture_id
BEGIN
  SELECT RAISE(ABORT, 'captured serial: what it was written with never changes');
END

-- next

CREATE TRIGGER captured_serial_remains BEFORE DELETE ON captured_serial
BEGIN
  SELECT RAISE(ABORT, 'captured serial: a row is never removed');
END

-- next

CREATE TRIGGER checkout_frozen BEFORE UPDATE OF id, merchant_reference, request_sha256, amount_fen, down_payment_fen, government_subsidy, merchant_discount_fen, category, items, terms, return_url, cancel_url, store, metadata, opened_at, reopens, address_grace_ends, created_at ON checkout WHEN NEW.id IS NOT OLD.id OR NEW.merchant_reference IS NOT OLD.merchant_reference OR NEW.request_sha256 IS NOT OLD.request_sha256 OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.down_payment_fen IS NOT OLD.down_payment_fen OR NEW.government_subsidy IS NOT OLD.government_subsidy OR NEW.merchant_discount_fen IS NOT OLD.merchant_discount_fen OR NEW.category IS NOT OLD.category OR NEW.items IS NOT OLD.items OR NEW.terms IS NOT OLD.terms OR NEW.return_url IS NOT OLD.return_url OR NEW.cancel_url IS NOT OLD.cancel_url OR NEW.store IS NOT OLD.store OR NEW.metadata IS NOT OLD.metadata OR NEW.opened_at IS NOT OLD.opened_at OR NEW.reopens IS NOT OLD.reopens OR NEW.address_grace_ends IS NOT OLD.address_grace_ends OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'checkout: what it was written with never changes');
END

-- next

CREATE TRIGGER checkout_once BEFORE UPDATE OF confirmed_at, confirmed_quote_hash, payment_id ON checkout WHEN (OLD.confirmed_at IS NOT NULL AND NEW.confirmed_at IS NOT OLD.confirmed_at) OR (OLD.confirmed_quote_hash IS NOT NULL AND NEW.confirmed_quote_hash IS NOT OLD.confirmed_quote_hash) OR (OLD.payment_id IS NOT NULL AND NEW.payment_id IS NOT OLD.payment_id)
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END

-- next

CREATE TRIGGER checkout_status_steps BEFORE UPDATE OF status ON checkout WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'open' AND NEW.status IN ('identified', 'expired', 'canceled')) OR (OLD.status = 'identified' AND NEW.status IN ('deciding', 'expired', 'canceled')) OR (OLD.status = 'deciding' AND NEW.status IN ('under_review', 'approved', 'declined')) OR (OLD.status = 'under_review' AND NEW.status IN ('approved', 'declined', 'canceled')))
BEGIN
  SELECT RAISE(ABORT, 'checkout: that is no step of its status');
END

-- next

CREATE TRIGGER checkout_rests BEFORE UPDATE OF confirmed_at, confirmed_quote_hash, decline_code, decline_reasons, disclosed_at, expires_at, identified_at, payment_id, plans, prices, review_due_at, term, unavailable ON checkout WHEN (OLD.status = 'approved' OR OLD.status = 'declined' OR OLD.status = 'expired' OR OLD.status = 'canceled') AND (NEW.confirmed_at IS NOT OLD.confirmed_at OR NEW.confirmed_quote_hash IS NOT OLD.confirmed_quote_hash OR NEW.decline_code IS NOT OLD.decline_code OR NEW.decline_reasons IS NOT OLD.decline_reasons OR NEW.disclosed_at IS NOT OLD.disclosed_at OR NEW.expires_at IS NOT OLD.expires_at OR NEW.identified_at IS NOT OLD.identified_at OR NEW.payment_id IS NOT OLD.payment_id OR NEW.plans IS NOT OLD.plans OR NEW.prices IS NOT OLD.prices OR NEW.review_due_at IS NOT OLD.review_due_at OR NEW.term IS NOT OLD.term OR NEW.unavailable IS NOT OLD.unavailable)
BEGIN
  SELECT RAISE(ABORT, 'checkout: it has ended and rests');
END

-- next

CREATE TRIGGER checkout_remains BEFORE DELETE ON checkout
BEGIN
  SELECT RAISE(ABORT, 'checkout: a row is never removed');
END

-- next

CREATE TRIGGER client_secret_frozen BEFORE UPDATE OF id, client_id, created_at ON client_secret WHEN NEW.id IS NOT OLD.id OR NEW.client_id IS NOT OLD.client_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'client secret: what it was written with never changes');
END

-- next

CREATE TRIGGER collection_frozen BEFORE UPDATE OF id, loan_id, period, attempt, reference, amount_fen, created_at ON collection WHEN NEW.id IS NOT OLD.id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.period IS NOT OLD.period OR NEW.attempt IS NOT OLD.attempt OR NEW.reference IS NOT OLD.reference OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'collection: what it was written with never changes');
END

-- next

CREATE TRIGGER collection_once BEFORE UPDATE OF failure, decided_at ON collection WHEN (OLD.failure IS NOT NULL AND NEW.failure IS NOT OLD.failure) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at)
BEGIN
  SELECT RAISE(ABORT, 'collection: what is set once stands');
END

-- next

CREATE TRIGGER collection_status_steps BEFORE UPDATE OF status ON collection WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'pending' AND NEW.status IN ('succeeded', 'failed', 'canceled')))
BEGIN
  SELECT RAISE(ABORT, 'collection: that is no step of its status');
END

-- next

CREATE TRIGGER collection_remains BEFORE DELETE ON collection
BEGIN
  SELECT RAISE(ABORT, 'collection: a row is never removed');
END

-- next

CREATE TRIGGER credit_decision_frozen BEFORE UPDATE OF id, mode, checkout_id, amount_fen, recommended, outcome, decided_by, limit_fen, reasons, signals, features, fraud_probability, default_probability, fraud_score, credit_score, policy, recommended_limit_fen, model, model_sha256, price_tier, annual_rate_bp, green_uplift_fen, sandbox, latency_us, note, created_at ON credit_decision WHEN NEW.id IS NOT OLD.id OR NEW.mode IS NOT OLD.mode OR NEW.checkout_id IS NOT OLD.checkout_id OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.recommended IS NOT OLD.recommended OR NEW.outcome IS NOT OLD.outcome OR NEW.decided_by IS NOT OLD.decided_by OR NEW.limit_fen IS NOT OLD.limit_fen OR NEW.reasons IS NOT OLD.reasons OR NEW.signals IS NOT OLD.signals OR NEW.features IS NOT OLD.features OR NEW.fraud_probability IS NOT OLD.fraud_probability OR NEW.default_probability IS NOT OLD.default_probability OR NEW.fraud_score IS NOT OLD.fraud_score OR NEW.credit_score IS NOT OLD.credit_score OR NEW.policy IS NOT OLD.policy OR NEW.recommended_limit_fen IS NOT OLD.recommended_limit_fen OR NEW.model IS NOT OLD.model OR NEW.model_sha256 IS NOT OLD.model_sha256 OR NEW.price_tier IS NOT OLD.price_tier OR NEW.annual_rate_bp IS NOT OLD.annual_rate_bp OR NEW.green_uplift_fen IS NOT OLD.green_uplift_fen OR NEW.sandbox IS NOT OLD.sandbox OR NEW.latency_us IS NOT OLD.latency_us OR NEW.note IS NOT OLD.note OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'credit decision: what it was written with never changes');
END

-- next

CREATE TRIGGER credit_decision_remains BEFORE DELETE ON credit_decision
BEGIN
  SELECT RAISE(ABORT, 'credit decision: a row is never removed');
END

-- next

CREATE TRIGGER credit_limit_frozen BEFORE UPDATE OF id, shopper_id, funder ON credit_limit WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.funder IS NOT OLD.funder
BEGIN
  SELECT RAISE(ABORT, 'credit limit: what it was written with never changes');
END

-- next

CREATE TRIGGER credit_limit_remains BEFORE DELETE ON credit_limit
BEGIN
  SELECT RAISE(ABORT, 'credit limit: a row is never removed');
END

-- next

CREATE TRIGGER decision_request_frozen BEFORE UPDATE OF id, mode, checkout_id, amount_fen, ask_bureau, link_signals, created_at, asked_at ON decision_request WHEN NEW.id IS NOT OLD.id OR NEW.mode IS NOT OLD.mode OR NEW.checkout_id IS NOT OLD.checkout_id OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.ask_bureau IS NOT OLD.ask_bureau OR NEW.link_signals IS NOT OLD.link_signals OR NEW.created_at IS NOT OLD.created_at OR NEW.asked_at IS NOT OLD.asked_at
BEGIN
  SELECT RAISE(ABORT, 'decision request: what it was written with never changes');
END

-- next

CREATE TRIGGER decision_request_once BEFORE UPDATE OF decision_id, decided_at ON decision_request WHEN (OLD.decision_id IS NOT NULL AND NEW.decision_id IS NOT OLD.decision_id) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at)
BEGIN
  SELECT RAISE(ABORT, 'decision request: what is set once stands');
END

-- next

CREATE TRIGGER decision_request_remains BEFORE DELETE ON decision_request
BEGIN
  SELECT RAISE(ABORT, 'decision request: a row is never removed');
END

-- next

CREATE TRIGGER destroyed_key_frozen BEFORE UPDATE OF subject_id, destroyed_at ON destroyed_key WHEN NEW.subject_id IS NOT OLD.subject_id OR NEW.destroyed_at IS NOT OLD.destroyed_at
BEGIN
  SELECT RAISE(ABORT, 'destroyed key: what it was written with never changes');
END

-- next

CREATE TRIGGER destroyed_key_once BEFORE UPDATE OF gone_at ON destroyed_key WHEN (OLD.gone_at IS NOT NULL AND NEW.gone_at IS NOT OLD.gone_at)
BEGIN
  SELECT RAISE(ABORT, 'destroyed key: what is set once stands');
END

-- next

CREATE TRIGGER destroyed_key_remains BEFORE DELETE ON destroyed_key
BEGIN
  SELECT RAISE(ABORT, 'destroyed key: a row is never removed');
END

-- next

CREATE TRIGGER dispute_frozen BEFORE UPDATE OF id, payment_id, capture_id, amount_fen, reason, respond_by, created_at ON dispute WHEN NEW.id IS NOT OLD.id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.capture_id IS NOT OLD.capture_id OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.reason IS NOT OLD.reason OR NEW.respond_by IS NOT OLD.respond_by OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'dispute: what it was written with never changes');
END

-- next

CREATE TRIGGER dispute_once BEFORE UPDATE OF decided_at ON dispute WHEN (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at)
BEGIN
  SELECT RAISE(ABORT, 'dispute: what is set once stands');
END

-- next

CREATE TRIGGER dispute_status_steps BEFORE UPDATE OF status ON dispute WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'needs_response' AND NEW.status IN ('under_review', 'won', 'lost', 'accepted', 'canceled')) OR (OLD.status = 'under_review' AND NEW.status IN ('won', 'lost', 'canceled')))
BEGIN
  SELECT RAISE(ABORT, 'dispute: that is no step of its status');
END

-- next

CREATE TRIGGER dispute_rests BEFORE UPDATE OF decided_at, evidence ON dispute WHEN (OLD.status = 'won' OR OLD.status = 'lost' OR OLD.status = 'accepted' OR OLD.status = 'canceled') AND (NEW.decided_at IS NOT OLD.decided_at OR NEW.evidence IS NOT OLD.evidence)
BEGIN
  SELECT RAISE(ABORT, 'dispute: it has ended and rests');
END

-- next

CREATE TRIGGER dispute_remains BEFORE DELETE ON dispute
BEGIN
  SELECT RAISE(ABORT, 'dispute: a row is never removed');
END

-- next

CREATE TRIGGER erasure_request_frozen BEFORE UPDATE OF id, shopper_id, requested_at ON erasure_request WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.requested_at IS NOT OLD.requested_at
BEGIN
  SELECT RAISE(ABORT, 'erasure request: what it was written with never changes');
END

-- next

CREATE TRIGGER erasure_request_once BEFORE UPDATE OF decided_at ON erasure_request WHEN (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at)
BEGIN
  SELECT RAISE(ABORT, 'erasure request: what is set once stands');
END

-- next

CREATE TRIGGER erasure_request_status_steps BEFORE UPDATE OF status ON erasure_request WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'frozen' AND NEW.status IN ('erased', 'withdrawn')))
BEGIN
  SELECT RAISE(ABORT, 'erasure request: that is no step of its status');
END

-- next

CREATE TRIGGER erasure_request_rests BEFORE UPDATE OF decided_at, frozen_until, reason ON erasure_request WHEN (OLD.status = 'erased' OR OLD.status = 'withdrawn') AND (NEW.decided_at IS NOT OLD.decided_at OR NEW.frozen_until IS NOT OLD.frozen_until OR NEW.reason IS NOT OLD.reason)
BEGIN
  SELECT RAISE(ABORT, 'erasure request: it has ended and rests');
END

-- next

CREATE TRIGGER erasure_request_remains BEFORE DELETE ON erasure_request
BEGIN
  SELECT RAISE(ABORT, 'erasure request: a row is never removed');
END

-- next

CREATE TRIGGER event_frozen BEFORE UPDATE OF id, type, object_id, sequence, position, data, created_at ON event WHEN NEW.id IS NOT OLD.id OR NEW.type IS NOT OLD.type OR NEW.object_id IS NOT OLD.object_id OR NEW.sequence IS NOT OLD.sequence OR NEW.position IS NOT OLD.position OR NEW.data IS NOT OLD.data OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'event: what it was written with never changes');
END

-- next

CREATE TRIGGER event_remains BEFORE DELETE ON event
BEGIN
  SELECT RAISE(ABORT, 'event: a row is never removed');
END

-- next

CREATE TRIGGER former_particulars_frozen BEFORE UPDATE OF id, shopper_id, held_until, ended_by ON former_particulars WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.held_until IS NOT OLD.held_until OR NEW.ended_by IS NOT OLD.ended_by
BEGIN
  SELECT RAISE(ABORT, 'former particulars: what it was written with never changes');
END

-- next

CREATE TRIGGER human_review_frozen BEFORE UPDATE OF id, mode, checkout_id, shopper_id, decision_id, requested_at, due_at ON human_review WHEN NEW.id IS NOT OLD.id OR NEW.mode IS NOT OLD.mode OR NEW.checkout_id IS NOT OLD.checkout_id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.decision_id IS NOT OLD.decision_id OR NEW.requested_at IS NOT OLD.requested_at OR NEW.due_at IS NOT OLD.due_at
BEGIN
  SELECT RAISE(ABORT, 'human review: what it was written with never changes');
END

-- next

CREATE TRIGGER human_review_once BEFORE UPDATE OF resolved_at, resolved_by, note ON human_review WHEN (OLD.resolved_at IS NOT NULL AND NEW.resolved_at IS NOT OLD.resolved_at) OR (OLD.resolved_by IS NOT NULL AND NEW.resolved_by IS NOT OLD.resolved_by) OR (OLD.note IS NOT NULL AND NEW.note IS NOT OLD.note)
BEGIN
  SELECT RAISE(ABORT, 'human review: what is set once stands');
END

-- next

CREATE TRIGGER human_review_status_steps BEFORE UPDATE OF status ON human_review WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'requested' AND NEW.status IN ('upheld', 'reconsider')))
BEGIN
  SELECT RAISE(ABORT, 'human review: that is no step of its status');
END

-- next

CREATE TRIGGER human_review_remains BEFORE DELETE ON human_review
BEGIN
  SELECT RAISE(ABORT, 'human review: a row is never removed');
END

-- next

CREATE TRIGGER invitation_frozen BEFORE UPDATE OF id, token_lookup, merchant_id, invited_by, email, name, role, created_at, expires_at ON invitation WHEN NEW.id IS NOT OLD.id OR NEW.token_lookup IS NOT OLD.token_lookup OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.invited_by IS NOT OLD.invited_by OR NEW.email IS NOT OLD.email OR NEW.name IS NOT OLD.name OR NEW.role IS NOT OLD.role OR NEW.created_at IS NOT OLD.created_at OR NEW.expires_at IS NOT OLD.expires_at
BEGIN
  SELECT RAISE(ABORT, 'invitation: what it was written with never changes');
END

-- next

CREATE TRIGGER invitation_once BEFORE UPDATE OF used_at, sent_at ON invitation WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NOT OLD.used_at) OR (OLD.sent_at IS NOT NULL AND NEW.sent_at IS NOT OLD.sent_at)
BEGIN
  SELECT RAISE(ABORT, 'invitation: what is set once stands');
END

-- next

CREATE TRIGGER key_in_use_frozen BEFORE UPDATE OF kind, key_id, recorded_at ON key_in_use WHEN NEW.kind IS NOT OLD.kind OR NEW.key_id IS NOT OLD.key_id OR NEW.recorded_at IS NOT OLD.recorded_at
BEGIN
  SELECT RAISE(ABORT, 'key in use: what it was written with never changes');
END

-- next

CREATE TRIGGER key_in_use_remains BEFORE DELETE ON key_in_use
BEGIN
  SELECT RAISE(ABORT, 'key in use: a row is never removed');
END

-- next

CREATE TRIGGER limit_movement_frozen BEFORE UPDATE OF id, limit_id, reason, amount_fen, about, created_at ON limit_movement WHEN NEW.id IS NOT OLD.id OR NEW.limit_id IS NOT OLD.limit_id OR NEW.reason IS NOT OLD.reason OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.about IS NOT OLD.about OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'limit movement: what it was written with never changes');
END

-- next

CREATE TRIGGER limit_movement_remains BEFORE DELETE ON limit_movement
BEGIN
  SELECT RAISE(ABORT, 'limit movement: a row is never removed');
END

-- next

CREATE TRIGGER list_entry_frozen BEFORE UPDATE OF id, mode, kind, note, added_by, created_at ON list_entry WHEN NEW.id IS NOT OLD.id OR NEW.mode IS NOT OLD.mode OR NEW.kind IS NOT OLD.kind OR NEW.note IS NOT OLD.note OR NEW.added_by IS NOT OLD.added_by OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'list entry: what it was written with never changes');
END

-- next

CREATE TRIGGER list_entry_once BEFORE UPDATE OF ended_at ON list_entry WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NOT OLD.ended_at)
BEGIN
  SELECT RAISE(ABORT, 'list entry: what is set once stands');
END

-- next

CREATE TRIGGER list_entry_remains BEFORE DELETE ON list_entry
BEGIN
  SELECT RAISE(ABORT, 'list entry: a row is never removed');
END

-- next

CREATE TRIGGER loan_frozen BEFORE UPDATE OF id, shopper_id, payment_id, capture_id, funder, principal_fen, price, contract_date, subsidy_fen, late_daily_rate, late_grace_days, early_settlement_policy, created_at ON loan WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.capture_id IS NOT OLD.capture_id OR NEW.funder IS NOT OLD.funder OR NEW.principal_fen IS NOT OLD.principal_fen OR NEW.price IS NOT OLD.price OR NEW.contract_date IS NOT OLD.contract_date OR NEW.subsidy_fen IS NOT OLD.subsidy_fen OR NEW.late_daily_rate IS NOT OLD.late_daily_rate OR NEW.late_grace_days IS NOT OLD.late_grace_days OR NEW.early_settlement_policy IS NOT OLD.early_settlement_policy OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'loan: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_status_steps BEFORE UPDATE OF status ON loan WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'active' AND NEW.status IN ('overdue', 'settled', 'refunded', 'unwound', 'written_off')) OR (OLD.status = 'overdue' AND NEW.status IN ('active', 'settled', 'refunded', 'unwound', 'written_off')) OR (OLD.status = 'settled' AND NEW.status IN ('unwound')) OR (OLD.status = 'refunded' AND NEW.status IN ('unwound')))
BEGIN
  SELECT RAISE(ABORT, 'loan: that is no step of its status');
END

-- next

CREATE TRIGGER loan_remains BEFORE DELETE ON loan
BEGIN
  SELECT RAISE(ABORT, 'loan: a row is never removed');
END

-- next

CREATE TRIGGER loan_bill_frozen BEFORE UPDATE OF loan_id, period, due_date, principal_fen, interest_fen, fee_fen ON loan_bill WHEN NEW.loan_id IS NOT OLD.loan_id OR NEW.period IS NOT OLD.period OR NEW.due_date IS NOT OLD.due_date OR NEW.principal_fen IS NOT OLD.principal_fen OR NEW.interest_fen IS NOT OLD.interest_fen OR NEW.fee_fen IS NOT OLD.fee_fen
BEGIN
  SELECT RAISE(ABORT, 'loan bill: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_bill_remains BEFORE DELETE ON loan_bill
BEGIN
  SELECT RAISE(ABORT, 'loan bill: a row is never removed');
END

-- next

CREATE TRIGGER loan_credit_change_frozen BEFORE UPDATE OF id, loan_id, changed_on, amount_fen, about ON loan_credit_change WHEN NEW.id IS NOT OLD.id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.changed_on IS NOT OLD.changed_on OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.about IS NOT OLD.about
BEGIN
  SELECT RAISE(ABORT, 'loan credit change: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_credit_change_remains BEFORE DELETE ON loan_credit_change
BEGIN
  SELECT RAISE(ABORT, 'loan credit change: a row is never removed');
END

-- next

CREATE TRIGGER loan_instalment_frozen BEFORE UPDATE OF loan_id, version, period, due_date, principal_fen, interest_fen, fee_fen, payment_fen, balance_fen ON loan_instalment WHEN NEW.loan_id IS NOT OLD.loan_id OR NEW.version IS NOT OLD.version OR NEW.period IS NOT OLD.period OR NEW.due_date IS NOT OLD.due_date OR NEW.principal_fen IS NOT OLD.principal_fen OR NEW.interest_fen IS NOT OLD.interest_fen OR NEW.fee_fen IS NOT OLD.fee_fen OR NEW.payment_fen IS NOT OLD.payment_fen OR NEW.balance_fen IS NOT OLD.balance_fen
BEGIN
  SELECT RAISE(ABORT, 'loan instalment: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_instalment_remains BEFORE DELETE ON loan_instalment
BEGIN
  SELECT RAISE(ABORT, 'loan instalment: a row is never removed');
END

-- next

CREATE TRIGGER loan_principal_reduction_frozen BEFORE UPDATE OF id, loan_id, period, reduced_on, amount_fen, waives_late ON loan_principal_reduction WHEN NEW.id IS NOT OLD.id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.period IS NOT OLD.period OR NEW.reduced_on IS NOT OLD.reduced_on OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.waives_late IS NOT OLD.waives_late
BEGIN
  SELECT RAISE(ABORT, 'loan principal reduction: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_principal_reduction_remains BEFORE DELETE ON loan_principal_reduction
BEGIN
  SELECT RAISE(ABORT, 'loan principal reduction: a row is never removed');
END

-- next

CREATE TRIGGER loan_repayment_frozen BEFORE UPDATE OF id, loan_id, reference, received_on, amount_fen, created_at ON loan_repayment WHEN NEW.id IS NOT OLD.id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.reference IS NOT OLD.reference OR NEW.received_on IS NOT OLD.received_on OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'loan repayment: what it was written with never changes');
END

-- next

CREATE TRIGGER loan_repayment_remains BEFORE DELETE ON loan_repayment
BEGIN
  SELECT RAISE(ABORT, 'loan repayment: a row is never removed');
END

-- next

CREATE TRIGGER merchant_frozen BEFORE UPDATE OF id, name, name_en, category, allowed_origins, created_at ON merchant WHEN NEW.id IS NOT OLD.id OR NEW.name IS NOT OLD.name OR NEW.name_en IS NOT OLD.name_en OR NEW.category IS NOT OLD.category OR NEW.allowed_origins IS NOT OLD.allowed_origins OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'merchant: what it was written with never changes');
END

-- next

CREATE TRIGGER merchant_remains BEFORE DELETE ON merchant
BEGIN
  SELECT RAISE(ABORT, 'merchant: a row is never removed');
END

-- next

CREATE TRIGGER oauth_client_frozen BEFORE UPDATE OF id, kind, created_at ON oauth_client WHEN NEW.id IS NOT OLD.id OR NEW.kind IS NOT OLD.kind OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'oauth client: what it was written with never changes');
END

-- next

CREATE TRIGGER oauth_client_remains BEFORE DELETE ON oauth_client
BEGIN
  SELECT RAISE(ABORT, 'oauth client: a row is never removed');
END

-- next

CREATE TRIGGER partner_score_frozen BEFORE UPDATE OF id, reference, features, consents, answer, model, model_sha256, created_at ON partner_score WHEN NEW.id IS NOT OLD.id OR NEW.reference IS NOT OLD.reference OR NEW.features IS NOT OLD.features OR NEW.consents IS NOT OLD.consents OR NEW.answer IS NOT OLD.answer OR NEW.model IS NOT OLD.model OR NEW.model_sha256 IS NOT OLD.model_sha256 OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'partner score: what it was written with never changes');
END

-- next

CREATE TRIGGER partner_score_remains BEFORE DELETE ON partner_score
BEGIN
  SELECT RAISE(ABORT, 'partner score: a row is never removed');
END

-- next

CREATE TRIGGER passkey_frozen BEFORE UPDATE OF id, member_id, credential_id, public_key, name, created_at ON passkey WHEN NEW.id IS NOT OLD.id OR NEW.member_id IS NOT OLD.member_id OR NEW.credential_id IS NOT OLD.credential_id OR NEW.public_key IS NOT OLD.public_key OR NEW.name IS NOT OLD.name OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'passkey: what it was written with never changes');
END

-- next

CREATE TRIGGER payment_frozen BEFORE UPDATE OF id, checkout_id, shopper_id, funder, amount_fen, term, plan, price, government_subsidy, store, expires_at, acknowledge_by, created_at ON payment WHEN NEW.id IS NOT OLD.id OR NEW.checkout_id IS NOT OLD.checkout_id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.funder IS NOT OLD.funder OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.term IS NOT OLD.term OR NEW.plan IS NOT OLD.plan OR NEW.price IS NOT OLD.price OR NEW.government_subsidy IS NOT OLD.government_subsidy OR NEW.store IS NOT OLD.store OR NEW.expires_at IS NOT OLD.expires_at OR NEW.acknowledge_by IS NOT OLD.acknowledge_by OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'payment: what it was written with never changes');
END

-- next

CREATE TRIGGER payment_once BEFORE UPDATE OF merchant_order_id, acknowledged_at ON payment WHEN (OLD.merchant_order_id IS NOT NULL AND NEW.merchant_order_id IS NOT OLD.merchant_order_id) OR (OLD.acknowledged_at IS NOT NULL AND NEW.acknowledged_at IS NOT OLD.acknowledged_at)
BEGIN
  SELECT RAISE(ABORT, 'payment: what is set once stands');
END

-- next

CREATE TRIGGER payment_remains BEFORE DELETE ON payment
BEGIN
  SELECT RAISE(ABORT, 'payment: a row is never removed');
END

-- next

CREATE TRIGGER payment_line_frozen BEFORE UPDATE OF payment_id, line, name, category, subsidy_category, ordered, amount_fen, subsidy_fen ON payment_line WHEN NEW.payment_id IS NOT OLD.payment_id OR NEW.line IS NOT OLD.line OR NEW.name IS NOT OLD.name OR NEW.category IS NOT OLD.category OR NEW.subsidy_category IS NOT OLD.subsidy_category OR NEW.ordered IS NOT OLD.ordered OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.subsidy_fen IS NOT OLD.subsidy_fen
BEGIN
  SELECT RAISE(ABORT, 'payment line: what it was written with never changes');
END

-- next

CREATE TRIGGER payment_line_remains BEFORE DELETE ON payment_line
BEGIN
  SELECT RAISE(ABORT, 'payment line: a row is never removed');
END

-- next

CREATE TRIGGER payout_frozen BEFORE UPDATE OF id, settlement_id, institution, funder, reference, amount_fen, created_at ON payout WHEN NEW.id IS NOT OLD.id OR NEW.settlement_id IS NOT OLD.settlement_id OR NEW.institution IS NOT OLD.institution OR NEW.funder IS NOT OLD.funder OR NEW.reference IS NOT OLD.reference OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'payout: what it was written with never changes');
END

-- next

CREATE TRIGGER payout_once BEFORE UPDATE OF failure, paid_at ON payout WHEN (OLD.failure IS NOT NULL AND NEW.failure IS NOT OLD.failure) OR (OLD.paid_at IS NOT NULL AND NEW.paid_at IS NOT OLD.paid_at)
BEGIN
  SELECT RAISE(ABORT, 'payout: what is set once stands');
END

-- next

CREATE TRIGGER payout_status_steps BEFORE UPDATE OF status ON payout WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'pending' AND NEW.status IN ('in_transit', 'paid', 'failed')) OR (OLD.status = 'in_transit' AND NEW.status IN ('paid', 'failed')) OR (OLD.status = 'paid' AND NEW.status IN ('returned')))
BEGIN
  SELECT RAISE(ABORT, 'payout: that is no step of its status');
END

-- next

CREATE TRIGGER payout_remains BEFORE DELETE ON payout
BEGIN
  SELECT RAISE(ABORT, 'payout: a row is never removed');
END

-- next

CREATE TRIGGER plan_price_frozen BEFORE UPDATE OF id, merchant_id, category, funder, term, method, annual_rate, fee_rate_total, fee_timing, fee_rate_per_period, merchant_fee_rate, merchant_subsidy_rate, min_amount_fen, max_amount_fen, valid_from ON plan_price WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.category IS NOT OLD.category OR NEW.funder IS NOT OLD.funder OR NEW.term IS NOT OLD.term OR NEW.method IS NOT OLD.method OR NEW.annual_rate IS NOT OLD.annual_rate OR NEW.fee_rate_total IS NOT OLD.fee_rate_total OR NEW.fee_timing IS NOT OLD.fee_timing OR NEW.fee_rate_per_period IS NOT OLD.fee_rate_per_period OR NEW.merchant_fee_rate IS NOT OLD.merchant_fee_rate OR NEW.merchant_subsidy_rate IS NOT OLD.merchant_subsidy_rate OR NEW.min_amount_fen IS NOT OLD.min_amount_fen OR NEW.max_amount_fen IS NOT OLD.max_amount_fen OR NEW.valid_from IS NOT OLD.valid_from
BEGIN
  SELECT RAISE(ABORT, 'plan price: what it was written with never changes');
END

-- next

CREATE TRIGGER plan_price_once BEFORE UPDATE OF valid_to ON plan_price WHEN (OLD.valid_to IS NOT NULL AND NEW.valid_to IS NOT OLD.valid_to)
BEGIN
  SELECT RAISE(ABORT, 'plan price: what is set once stands');
END

-- next

CREATE TRIGGER plan_price_remains BEFORE DELETE ON plan_price
BEGIN
  SELECT RAISE(ABORT, 'plan price: a row is never removed');
END

-- next

CREATE TRIGGER publishable_key_frozen BEFORE UPDATE OF key, created_at ON publishable_key WHEN NEW.key IS NOT OLD.key OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'publishable key: what it was written with never changes');
END

-- next

CREATE TRIGGER publishable_key_remains BEFORE DELETE ON publishable_key
BEGIN
  SELECT RAISE(ABORT, 'publishable key: a row is never removed');
END

-- next

CREATE TRIGGER refund_frozen BEFORE UPDATE OF id, payment_id, capture_id, refund_reference, reason, amount_fen, loan_reduction_fen, initiated_by, created_at ON refund WHEN NEW.id IS NOT OLD.id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.capture_id IS NOT OLD.capture_id OR NEW.refund_reference IS NOT OLD.refund_reference OR NEW.reason IS NOT OLD.reason OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.loan_reduction_fen IS NOT OLD.loan_reduction_fen OR NEW.initiated_by IS NOT OLD.initiated_by OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'refund: what it was written with never changes');
END

-- next

CREATE TRIGGER refund_status_steps BEFORE UPDATE OF status ON refund WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'pending' AND NEW.status IN ('succeeded', 'failed')) OR (OLD.status = 'succeeded' AND NEW.status IN ('pending')) OR (OLD.status = 'failed' AND NEW.status IN ('pending')))
BEGIN
  SELECT RAISE(ABORT, 'refund: that is no step of its status');
END

-- next

CREATE TRIGGER refund_remains BEFORE DELETE ON refund
BEGIN
  SELECT RAISE(ABORT, 'refund: a row is never removed');
END

-- next

CREATE TRIGGER row_version_frozen BEFORE UPDATE OF number, of, row_key, sha256 ON row_version WHEN NEW.number IS NOT OLD.number OR NEW.of IS NOT OLD.of OR NEW.row_key IS NOT OLD.row_key OR NEW.sha256 IS NOT OLD.sha256
BEGIN
  SELECT RAISE(ABORT, 'row version: what it was written with never changes');
END

-- next

CREATE TRIGGER row_version_remains BEFORE DELETE ON row_version
BEGIN
  SELECT RAISE(ABORT, 'row version: a row is never removed');
END

-- next

CREATE TRIGGER score_usage_frozen BEFORE UPDATE OF merchant_id, mode, day ON score_usage WHEN NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.day IS NOT OLD.day
BEGIN
  SELECT RAISE(ABORT, 'score usage: what it was written with never changes');
END

-- next

CREATE TRIGGER score_usage_remains BEFORE DELETE ON score_usage
BEGIN
  SELECT RAISE(ABORT, 'score usage: a row is never removed');
END

-- next

CREATE TRIGGER settlement_batch_frozen BEFORE UPDATE OF id, settled_on, opening_fen, captures_fen, subsidies_fen, merchant_fees_fen, merchant_subsidies_fen, refunds_fen, disputes_fen, adjustments_fen, reserve_change_fen, closing_fen, payout_fen, created_at ON settlement_batch WHEN NEW.id IS NOT OLD.id OR NEW.settled_on IS NOT OLD.settled_on OR NEW.opening_fen IS NOT OLD.opening_fen OR NEW.captures_fen IS NOT OLD.captures_fen OR NEW.subsidies_fen IS NOT OLD.subsidies_fen OR NEW.merchant_fees_fen IS NOT OLD.merchant_fees_fen OR NEW.merchant_subsidies_fen IS NOT OLD.merchant_subsidies_fen OR NEW.refunds_fen IS NOT OLD.refunds_fen OR NEW.disputes_fen IS NOT OLD.disputes_fen OR NEW.adjustments_fen IS NOT OLD.adjustments_fen OR NEW.reserve_change_fen IS NOT OLD.reserve_change_fen OR NEW.closing_fen IS NOT OLD.closing_fen OR NEW.payout_fen IS NOT OLD.payout_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: what it was written with never changes');
END

-- next

CREATE TRIGGER settlement_batch_once BEFORE UPDATE OF payout_id ON settlement_batch WHEN (OLD.payout_id IS NOT NULL AND NEW.payout_id IS NOT OLD.payout_id)
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: what is set once stands');
END

-- next

CREATE TRIGGER settlement_batch_remains BEFORE DELETE ON settlement_batch
BEGIN
  SELECT RAISE(ABORT, 'settlement batch: a row is never removed');
END

-- next

CREATE TRIGGER settlement_line_frozen BEFORE UPDATE OF id, kind, object_id, payment_id, capture_id, merchant_reference, store, amount_fen, merchant_fee_fen, merchant_subsidy_fen, net_fen, from_pending_fen, settlement_date, test_failure, entry_id, created_at ON settlement_line WHEN NEW.id IS NOT OLD.id OR NEW.kind IS NOT OLD.kind OR NEW.object_id IS NOT OLD.object_id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.capture_id IS NOT OLD.capture_id OR NEW.merchant_reference IS NOT OLD.merchant_reference OR NEW.store IS NOT OLD.store OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.merchant_fee_fen IS NOT OLD.merchant_fee_fen OR NEW.merchant_subsidy_fen IS NOT OLD.merchant_subsidy_fen OR NEW.net_fen IS NOT OLD.net_fen OR NEW.from_pending_fen IS NOT OLD.from_pending_fen OR NEW.settlement_date IS NOT OLD.settlement_date OR NEW.test_failure IS NOT OLD.test_failure OR NEW.entry_id IS NOT OLD.entry_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'settlement line: what it was written with never changes');
END

-- next

CREATE TRIGGER settlement_line_once BEFORE UPDATE OF batch_id ON settlement_line WHEN (OLD.batch_id IS NOT NULL AND NEW.batch_id IS NOT OLD.batch_id)
BEGIN
  SELECT RAISE(ABORT, 'settlement line: what is set once stands');
END

-- next

CREATE TRIGGER settlement_line_remains BEFORE DELETE ON settlement_line
BEGIN
  SELECT RAISE(ABORT, 'settlement line: a row is never removed');
END

-- next

CREATE TRIGGER shadow_score_frozen BEFORE UPDATE OF decision_id, challenger, model, model_sha256, fraud_probability, default_probability, credit_score, outcome, limit_fen, policy, created_at ON shadow_score WHEN NEW.decision_id IS NOT OLD.decision_id OR NEW.challenger IS NOT OLD.challenger OR NEW.model IS NOT OLD.model OR NEW.model_sha256 IS NOT OLD.model_sha256 OR NEW.fraud_probability IS NOT OLD.fraud_probability OR NEW.default_probability IS NOT OLD.default_probability OR NEW.credit_score IS NOT OLD.credit_score OR NEW.outcome IS NOT OLD.outcome OR NEW.limit_fen IS NOT OLD.limit_fen OR NEW.policy IS NOT OLD.policy OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'shadow score: what it was written with never changes');
END

-- next

CREATE TRIGGER shadow_score_remains BEFORE DELETE ON shadow_score
BEGIN
  SELECT RAISE(ABORT, 'shadow score: a row is never removed');
END

-- next

CREATE TRIGGER shopper_frozen BEFORE UPDATE OF id, created_at ON shopper WHEN NEW.id IS NOT OLD.id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'shopper: what it was written with never changes');
END

-- next

CREATE TRIGGER shopper_once BEFORE UPDATE OF erased_at ON shopper WHEN (OLD.erased_at IS NOT NULL AND NEW.erased_at IS NOT OLD.erased_at)
BEGIN
  SELECT RAISE(ABORT, 'shopper: what is set once stands');
END

-- next

CREATE TRIGGER shopper_remains BEFORE DELETE ON shopper
BEGIN
  SELECT RAISE(ABORT, 'shopper: a row is never removed');
END

-- next

CREATE TRIGGER shopper_return_frozen BEFORE UPDATE OF id, shopper_id, loan_id, refund_id, reference, amount_fen, created_at ON shopper_return WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.refund_id IS NOT OLD.refund_id OR NEW.reference IS NOT OLD.reference OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'shopper return: what it was written with never changes');
END

-- next

CREATE TRIGGER shopper_return_once BEFORE UPDATE OF decided_at ON shopper_return WHEN (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at)
BEGIN
  SELECT RAISE(ABORT, 'shopper return: what is set once stands');
END

-- next

CREATE TRIGGER shopper_return_status_steps BEFORE UPDATE OF status ON shopper_return WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'pending' AND NEW.status IN ('succeeded', 'failed')))
BEGIN
  SELECT RAISE(ABORT, 'shopper return: that is no step of its status');
END

-- next

CREATE TRIGGER shopper_return_rests BEFORE UPDATE OF decided_at, failure ON shopper_return WHEN (OLD.status = 'succeeded' OR OLD.status = 'failed') AND (NEW.decided_at IS NOT OLD.decided_at OR NEW.failure IS NOT OLD.failure)
BEGIN
  SELECT RAISE(ABORT, 'shopper return: it has ended and rests');
END

-- next

CREATE TRIGGER shopper_return_remains BEFORE DELETE ON shopper_return
BEGIN
  SELECT RAISE(ABORT, 'shopper return: a row is never removed');
END

-- next

CREATE TRIGGER subject_key_frozen BEFORE UPDATE OF subject_id, created_at ON subject_key WHEN NEW.subject_id IS NOT OLD.subject_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'subject key: what it was written with never changes');
END

-- next

CREATE TRIGGER subsidy_claim_frozen BEFORE UPDATE OF id, payment_id, capture_id, programme, amount_fen, created_at ON subsidy_claim WHEN NEW.id IS NOT OLD.id OR NEW.payment_id IS NOT OLD.payment_id OR NEW.capture_id IS NOT OLD.capture_id OR NEW.programme IS NOT OLD.programme OR NEW.amount_fen IS NOT OLD.amount_fen OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'subsidy claim: what it was written with never changes');
END

-- next

CREATE TRIGGER subsidy_claim_once BEFORE UPDATE OF paid_at ON subsidy_claim WHEN (OLD.paid_at IS NOT NULL AND NEW.paid_at IS NOT OLD.paid_at)
BEGIN
  SELECT RAISE(ABORT, 'subsidy claim: what is set once stands');
END

-- next

CREATE TRIGGER subsidy_claim_remains BEFORE DELETE ON subsidy_claim
BEGIN
  SELECT RAISE(ABORT, 'subsidy claim: a row is never removed');
END

-- next

CREATE TRIGGER subsidy_programme_frozen BEFORE UPDATE OF id, code, category, grade, rate, price_cap_fen, amount_cap_fen, valid_from, valid_to, region ON subsidy_programme WHEN NEW.id IS NOT OLD.id OR NEW.code IS NOT OLD.code OR NEW.category IS NOT OLD.category OR NEW.grade IS NOT OLD.grade OR NEW.rate IS NOT OLD.rate OR NEW.price_cap_fen IS NOT OLD.price_cap_fen OR NEW.amount_cap_fen IS NOT OLD.amount_cap_fen OR NEW.valid_from IS NOT OLD.valid_from OR NEW.valid_to IS NOT OLD.valid_to OR NEW.region IS NOT OLD.region
BEGIN
  SELECT RAISE(ABORT, 'subsidy programme: what it was written with never changes');
END

-- next

CREATE TRIGGER subsidy_programme_remains BEFORE DELETE ON subsidy_programme
BEGIN
  SELECT RAISE(ABORT, 'subsidy programme: a row is never removed');
END

-- next

CREATE TRIGGER subsidy_quota_frozen BEFORE UPDATE OF mode, programme, category, payment_id, reserved_at ON subsidy_quota WHEN NEW.mode IS NOT OLD.mode OR NEW.programme IS NOT OLD.programme OR NEW.category IS NOT OLD.category OR NEW.payment_id IS NOT OLD.payment_id OR NEW.reserved_at IS NOT OLD.reserved_at
BEGIN
  SELECT RAISE(ABORT, 'subsidy quota: what it was written with never changes');
END

-- next

CREATE TRIGGER subsidy_quota_once BEFORE UPDATE OF used_at ON subsidy_quota WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS NOT OLD.used_at)
BEGIN
  SELECT RAISE(ABORT, 'subsidy quota: what is set once stands');
END

-- next

CREATE TRIGGER team_member_frozen BEFORE UPDATE OF id, merchant_id, created_at ON team_member WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'team member: what it was written with never changes');
END

-- next

CREATE TRIGGER team_member_once BEFORE UPDATE OF removed_at ON team_member WHEN (OLD.removed_at IS NOT NULL AND NEW.removed_at IS NOT OLD.removed_at)
BEGIN
  SELECT RAISE(ABORT, 'team member: what is set once stands');
END

-- next

CREATE TRIGGER team_member_remains BEFORE DELETE ON team_member
BEGIN
  SELECT RAISE(ABORT, 'team member: a row is never removed');
END

-- next

CREATE TRIGGER test_clock_frozen BEFORE UPDATE OF id, name, created_at ON test_clock WHEN NEW.id IS NOT OLD.id OR NEW.name IS NOT OLD.name OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'test clock: what it was written with never changes');
END

-- next

CREATE TRIGGER test_clock_status_steps BEFORE UPDATE OF status ON test_clock WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'ready' AND NEW.status IN ('advancing')) OR (OLD.status = 'advancing' AND NEW.status IN ('ready')))
BEGIN
  SELECT RAISE(ABORT, 'test clock: that is no step of its status');
END

-- next

CREATE TRIGGER test_clock_remains BEFORE DELETE ON test_clock
BEGIN
  SELECT RAISE(ABORT, 'test clock: a row is never removed');
END

-- next

CREATE TRIGGER webhook_attempt_frozen BEFORE UPDATE OF id, delivery_id, number, url, request_headers, response_status, error, duration_ms, next_at, created_at ON webhook_attempt WHEN NEW.id IS NOT OLD.id OR NEW.delivery_id IS NOT OLD.delivery_id OR NEW.number IS NOT OLD.number OR NEW.url IS NOT OLD.url OR NEW.request_headers IS NOT OLD.request_headers OR NEW.response_status IS NOT OLD.response_status OR NEW.error IS NOT OLD.error OR NEW.duration_ms IS NOT OLD.duration_ms OR NEW.next_at IS NOT OLD.next_at OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'webhook attempt: what it was written with never changes');
END

-- next

CREATE TRIGGER webhook_delivery_frozen BEFORE UPDATE OF id, endpoint_id, event_id, type, object_id, sequence, cause, sample, created_at ON webhook_delivery WHEN NEW.id IS NOT OLD.id OR NEW.endpoint_id IS NOT OLD.endpoint_id OR NEW.event_id IS NOT OLD.event_id OR NEW.type IS NOT OLD.type OR NEW.object_id IS NOT OLD.object_id OR NEW.sequence IS NOT OLD.sequence OR NEW.cause IS NOT OLD.cause OR NEW.sample IS NOT OLD.sample OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'webhook delivery: what it was written with never changes');
END

-- next

CREATE TRIGGER webhook_endpoint_frozen BEFORE UPDATE OF id, created_at ON webhook_endpoint WHEN NEW.id IS NOT OLD.id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'webhook endpoint: what it was written with never changes');
END

-- next

CREATE TRIGGER webhook_endpoint_once BEFORE UPDATE OF deleted_at ON webhook_endpoint WHEN (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NOT OLD.deleted_at)
BEGIN
  SELECT RAISE(ABORT, 'webhook endpoint: what is set once stands');
END

-- next

CREATE TRIGGER webhook_endpoint_remains BEFORE DELETE ON webhook_endpoint
BEGIN
  SELECT RAISE(ABORT, 'webhook endpoint: a row is never removed');
END

-- next

CREATE TRIGGER webhook_secret_frozen BEFORE UPDATE OF id, endpoint_id, created_at ON webhook_secret WHEN NEW.id IS NOT OLD.id OR NEW.endpoint_id IS NOT OLD.endpoint_id OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'webhook secret: what it was written with never changes');
END
