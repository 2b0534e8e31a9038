-- What revision 0003 adds on SQLite: the guards of the hash chain.
-- Statements are parted by a line "-- next". What RAISE refuses here, ledger_chain.postgresql.sql refuses in the same words.

CREATE TRIGGER ledger_link_is_in_time BEFORE INSERT ON ledger_link
BEGIN
  SELECT RAISE(ABORT, 'ledger: the block is closed')
   WHERE EXISTS (SELECT 1 FROM ledger_block WHERE number = NEW.block);
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to')
   WHERE EXISTS (SELECT 1 FROM ledger_link WHERE position = NEW.position)
      OR EXISTS (SELECT 1 FROM ledger_link WHERE entry_id = NEW.entry_id);
END

-- next

CREATE TRIGGER ledger_block_follows BEFORE INSERT ON ledger_block
BEGIN
  SELECT RAISE(ABORT, 'ledger: a block follows the head of the chain')
   WHERE NOT EXISTS (
     SELECT 1 FROM ledger_head AS head
      WHERE NEW.number = head.number + 1 AND NEW.previous_hash = head.hash AND NEW.first_position = head.position + 1
   );
  SELECT RAISE(ABORT, 'ledger: a block lists its entries')
   WHERE NEW.entries <> NEW.last_position - NEW.first_position + 1 OR NEW.entries <> (
     SELECT count(*) FROM ledger_link AS link
      WHERE link.position BETWEEN NEW.first_position AND NEW.last_position AND link.block = NEW.number
   );
END

-- next

CREATE TRIGGER ledger_block_is_head AFTER INSERT ON ledger_block
BEGIN
  UPDATE ledger_head SET number = NEW.number, hash = NEW.hash, position = NEW.last_position;
END

-- next

CREATE TRIGGER ledger_head_moves_on BEFORE UPDATE ON ledger_head
BEGIN
  SELECT RAISE(ABORT, 'ledger: the head of the chain moves with its blocks only')
   WHERE NEW.number <> OLD.number + 1 OR NOT EXISTS (
     SELECT 1 FROM ledger_block AS block
      WHERE block.number = NEW.number AND block.hash = NEW.hash AND block.last_position = NEW.position
   );
END

-- next

CREATE TRIGGER ledger_head_no_insert BEFORE INSERT ON ledger_head
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END

-- next

CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END

-- next

CREATE TRIGGER ledger_block_no_update BEFORE UPDATE ON ledger_block
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END

-- next

CREATE TRIGGER ledger_block_no_delete BEFORE DELETE ON ledger_block
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END

-- next

CREATE TRIGGER ledger_link_no_update BEFORE UPDATE ON ledger_link
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END

-- next

CREATE TRIGGER ledger_link_no_delete BEFORE DELETE ON ledger_link
BEGIN
  SELECT RAISE(ABORT, 'ledger: the chain is only ever added to');
END
