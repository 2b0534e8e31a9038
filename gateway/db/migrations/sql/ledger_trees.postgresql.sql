-- The guards of the ledger's trees on PostgreSQL: a tree follows the one before, and is never changed or removed.
-- Statements are parted by a line "-- next". What is refused here, ledger_trees.sqlite.sql refuses in the same words.

CREATE FUNCTION ledger_check_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger_tree)
     OR NEW.first_position <> (SELECT coalesce(max(last_position), 0) + 1 FROM ledger_tree)
     OR EXISTS (SELECT 1 FROM ledger_tree WHERE number = NEW.number - 1 AND hash <> NEW.previous_hash) THEN
    RAISE EXCEPTION 'ledger: a tree follows the one before it' USING ERRCODE = 'check_violation';
  ELSIF NOT EXISTS (SELECT 1 FROM ledger_link WHERE position = NEW.last_position) THEN
    RAISE EXCEPTION 'ledger: a tree covers entries that are chained' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_tree_follows BEFORE INSERT ON ledger_tree
  FOR EACH ROW EXECUTE FUNCTION ledger_check_tree()

-- next

CREATE FUNCTION ledger_keep_trees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: trees are only ever added' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER ledger_tree_no_change BEFORE UPDATE OR DELETE ON ledger_tree
  FOR EACH ROW EXECUTE FUNCTION ledger_keep_trees()

-- next

CREATE TRIGGER ledger_tree_no_truncate BEFORE TRUNCATE ON ledger_tree
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_trees()
