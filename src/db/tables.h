// The schema, version 1 (gossipd(8), FILES). The views are the public interface for other programs; the tables are not.
#pragma once

namespace gossip::db {

constexpr char kTables[] = R"sql(
-- seal: how the key is made that names, addresses, fingerprints and keys are sealed under (vault.h); not there: they are not.
-- A sealed name or host is a blob, and the port beside it 0.
CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT;
CREATE TABLE counter(name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;

-- Who delivered what. 0 is ourselves; AUTOINCREMENT never gives a number twice; a deleted friend stays, as name~id.
CREATE TABLE who(id INTEGER PRIMARY KEY AUTOINCREMENT, name ANY NOT NULL UNIQUE) STRICT;
INSERT INTO who(id, name) VALUES(0, 'self');

-- seq is dense. size is the exact canonical length, 0 when the body is no longer kept.
CREATE TABLE log(
  seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL, epoch INTEGER NOT NULL, id BLOB NOT NULL,
  via INTEGER NOT NULL REFERENCES who, heard_ms INTEGER NOT NULL, size INTEGER NOT NULL,
  UNIQUE(scope, epoch, id)) STRICT;
-- canonical = head | u8 length | sender | u32 length | text; kinds not known: all in head, sender and text NULL.
CREATE TABLE body(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, sender TEXT, text TEXT) STRICT;
-- The words of text, up to the seq in meta search_mark (search.h). Words are on the disk as plainly as the texts.
CREATE VIRTUAL TABLE search USING fts5(
  text, content='body', content_rowid='seq', columnsize=0, tokenize='unicode61 remove_diacritics 2');
-- Who else told us of a message than log.via, and when first; for a while only (gossipd(8), FILES).
CREATE TABLE heard(
  seq INTEGER NOT NULL, peer INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY(seq, peer)) STRICT, WITHOUT ROWID;
CREATE TABLE log_chain(seq INTEGER PRIMARY KEY, chain BLOB NOT NULL) STRICT;
-- One row: how many messages are our own, and what is kept, of everybody's and of our own. Who appends to log adds to it, once for
-- a transaction (log.h): a trigger for each row would cost a quarter of a catch-up.
CREATE TABLE total(own INTEGER NOT NULL, texts INTEGER NOT NULL, bytes INTEGER NOT NULL, own_bytes INTEGER NOT NULL) STRICT;
INSERT INTO total(own, texts, bytes, own_bytes) VALUES(0, 0, 0, 0);
CREATE TRIGGER log_dropped AFTER UPDATE OF size ON log BEGIN
  UPDATE total SET texts=texts+(new.size<>0)-(old.size<>0), bytes=bytes+new.size-old.size,
    own_bytes=own_bytes+(new.size-old.size)*(new.via=0);
END;

-- A key no peer names is spare and decoy at once: random id, no time, no mark.
CREATE TABLE keys(id INTEGER PRIMARY KEY, fp BLOB NOT NULL UNIQUE, private BLOB NOT NULL) STRICT;
CREATE TABLE peers(
  id INTEGER PRIMARY KEY REFERENCES who, name ANY NOT NULL UNIQUE,
  key INTEGER NOT NULL UNIQUE REFERENCES keys, pub BLOB, pub_fp BLOB UNIQUE, gen INTEGER NOT NULL,
  pq_seen INTEGER NOT NULL DEFAULT 0,  -- 1: a session of this gen was post-quantum, and every later one has to be
  -- An invitation is open until then, 0: none is. Without next pub is the invitation's; with it key is, and next is ours to be.
  until_ms INTEGER NOT NULL DEFAULT 0, next INTEGER UNIQUE REFERENCES keys) STRICT;
-- Where a friend is dialled, in the order given, from place 0; none: never. worked: 1 where a session opened last.
CREATE TABLE peer_address(
  peer INTEGER NOT NULL REFERENCES peers ON DELETE CASCADE, place INTEGER NOT NULL, host ANY NOT NULL, port INTEGER NOT NULL,
  worked INTEGER NOT NULL, PRIMARY KEY(peer, place), UNIQUE(peer, host, port)) STRICT;
CREATE TABLE peer_sync(
  peer INTEGER PRIMARY KEY REFERENCES peers ON DELETE CASCADE, gen INTEGER NOT NULL, log_id BLOB NOT NULL,
  cursor INTEGER NOT NULL, tag BLOB NOT NULL, acked INTEGER NOT NULL,
  day INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0,  -- stored from the friend on that day (UTC), with kRowCost
  ladder BLOB NOT NULL DEFAULT x'') STRICT;  -- earlier cursors, ascending, each upto u64 and tag
CREATE TABLE peer_state(
  peer INTEGER NOT NULL REFERENCES peers ON DELETE CASCADE, side INTEGER NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, since_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, last_up_ms INTEGER NOT NULL,
  failures INTEGER NOT NULL, pq INTEGER NOT NULL, PRIMARY KEY(peer, side)) STRICT;

-- What is not shown: what a friend delivered, or what claims a sender, until a time, or for good.
CREATE TABLE mute(
  via INTEGER UNIQUE REFERENCES who, sender TEXT UNIQUE, until_ms INTEGER, CHECK((via IS NULL) <> (sender IS NULL))) STRICT;

-- What made a process of ours crash: from whom, and the mark of what is left alone from now on (ports.h, Desk).
CREATE TABLE crash(at_ms INTEGER NOT NULL, peer INTEGER NOT NULL REFERENCES who, mark BLOB NOT NULL) STRICT;
-- What gossipc ping asks, and the answer: microseconds there and back.
CREATE TABLE ping(
  id INTEGER PRIMARY KEY, peer INTEGER NOT NULL REFERENCES peers ON DELETE CASCADE, asked_ms INTEGER NOT NULL,
  took_us INTEGER) STRICT;

CREATE VIEW v_messages AS
  SELECT l.seq AS seq, lower(hex(l.id)) AS id, l.heard_ms AS heard_ms,
         strftime('%Y-%m-%d %H:%M:%S', l.heard_ms / 1000, 'unixepoch') AS heard,
         iif(typeof(w.name) = 'blob', '~' || w.id, w.name) AS delivered_by, b.sender AS sender, b.text AS text,
         b.seq IS NULL OR b.sender IS NOT NULL AS known, b.seq IS NOT NULL AS kept
    FROM log l JOIN who w ON w.id = l.via LEFT JOIN body b ON b.seq = l.seq;
-- addresses is put together by hand: SQLite's JSON functions are refused where the schema is not trusted. Hosts need no escape.
CREATE VIEW v_peers AS
  SELECT p.id AS id, iif(typeof(p.name) = 'blob', '~' || p.id, p.name) AS name, iif(typeof(a.host) = 'blob', NULL, a.host) AS host,
         iif(typeof(a.host) = 'blob', NULL, a.port) AS port, p.pub IS NOT NULL AND (p.until_ms = 0 OR p.next IS NOT NULL) AS has_key,
         coalesce(s.cursor, 0) AS cursor, coalesce(s.acked, 0) AS acked,
         nullif(d.state, '') AS dial_state, nullif(d.reason, '') AS dial_reason,
         nullif(c.state, '') AS call_state, nullif(c.reason, '') AS call_reason,
         nullif(d.next_ms, 0) AS dial_next_ms, d.failures AS dial_failures,
         nullif(max(coalesce(d.last_up_ms, 0), coalesce(c.last_up_ms, 0)), 0) AS last_up_ms,
         iif(typeof(a.host) = 'blob', NULL,
           '[' || coalesce((SELECT group_concat('"' || iif(instr(host, ':'), '[' || host || ']', host) || ':' || port || '"') FROM
           (SELECT host, port FROM peer_address WHERE peer = p.id ORDER BY place)), '') || ']') AS addresses
    FROM peers p LEFT JOIN peer_address a ON a.peer = p.id AND a.place = 0
         LEFT JOIN peer_sync s ON s.peer = p.id AND s.gen = p.gen
         LEFT JOIN peer_state d ON d.peer = p.id AND d.side = 0 LEFT JOIN peer_state c ON c.peer = p.id AND c.side = 1;
)sql";

}  // namespace gossip::db
