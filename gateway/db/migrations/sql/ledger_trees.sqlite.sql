-- The guards of the ledger's trees on SQLite: a tree follows the one before, and is never changed or removed.
-- Statements are parted by a line "-- next". What RAISE refuses here, ledger_trees.postgresql.sql refuses in the same words.

CREATE TRIGGER ledger_tree_follows BEFORE INSERT ON ledger_tree
BEGIN
  SELECT RAISE(ABORT, 'ledger: a tree follows the one before it')
   WHERE NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger_tree)
      OR NEW.first_position <> (SELECT coalesce(max(last_position), 0) + 1 FROM ledger_tree)
      OR EXISTS (SELECT 1 FROM ledger_tree WHERE number = NEW.number - 1 AND hash <> NEW.previous_hash);
  SELECT RAISE(ABORT, 'ledger: a tree covers entries that are chained')
   WHERE NOT EXISTS (SELECT 1 FROM ledger_link WHERE position = NEW.last_position);
END

-- next

CREATE TRIGGER ledger_tree_no_update BEFORE UPDATE ON ledger_tree
BEGIN
  SELECT RAISE(ABORT, 'ledger: trees are only ever added');
END

-- next

CREATE TRIGGER ledger_tree_no_delete BEFORE DELETE ON ledger_tree
BEGIN
  SELECT RAISE(ABORT, 'ledger: trees are only ever added');
END
