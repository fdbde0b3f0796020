// The schema, version 1 (gossipd(8), FILES). The views are the public interface for other programs; the tables are not.
#pragma once

namespace gossip::db {

constexpr char kTables[] = R"sql(
CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT;
CREATE TABLE counter(name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;

-- Who delivered what. 0 is ourselves; AUTOINCREMENT never gives a number twice; a deleted friend stays, as name~id.
CREATE TABLE who(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO who(id, name) VALUES(0, 'self');

-- seq is dense. size is the exact canonical length, 0 when the body is no longer kept.
CREATE TABLE log(
  seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL, epoch INTEGER NOT NULL, id BLOB NOT NULL,
  via INTEGER NOT NULL REFERENCES who, heard_ms INTEGER NOT NULL, size INTEGER NOT NULL,
  UNIQUE(scope, epoch, id)) STRICT;
-- canonical = head | u8 length | sender | u32 length | text; kinds not known: all in head, sender and text NULL.
CREATE TABLE body(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, sender TEXT, text TEXT) STRICT;
CREATE TABLE log_chain(seq INTEGER PRIMARY KEY, chain BLOB NOT NULL) STRICT;

-- A key no peer names is spare and decoy at once: random id, no time, no mark.
CREATE TABLE keys(id INTEGER PRIMARY KEY, fp BLOB NOT NULL UNIQUE, private BLOB NOT NULL) STRICT;
CREATE TABLE peers(
  id INTEGER PRIMARY KEY REFERENCES who, name TEXT NOT NULL UNIQUE, host TEXT NOT NULL, port INTEGER NOT NULL,
  key INTEGER NOT NULL UNIQUE REFERENCES keys, pub BLOB, pub_fp BLOB UNIQUE, gen INTEGER NOT NULL) STRICT;
CREATE TABLE peer_sync(
  peer INTEGER PRIMARY KEY REFERENCES peers ON DELETE CASCADE, gen INTEGER NOT NULL, log_id BLOB NOT NULL,
  cursor INTEGER NOT NULL, tag BLOB NOT NULL, acked INTEGER NOT NULL) STRICT;
CREATE TABLE peer_state(
  peer INTEGER NOT NULL REFERENCES peers ON DELETE CASCADE, side INTEGER NOT NULL, state TEXT NOT NULL,
  reason TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY(peer, side)) STRICT;

CREATE VIEW v_messages AS
  SELECT l.seq AS seq, lower(hex(l.id)) AS id, l.heard_ms AS heard_ms,
         strftime('%Y-%m-%d %H:%M:%S', l.heard_ms / 1000, 'unixepoch') AS heard,
         w.name AS delivered_by, b.sender AS sender, b.text AS text,
         b.seq IS NULL OR b.sender IS NOT NULL AS known, b.seq IS NOT NULL AS kept
    FROM log l JOIN who w ON w.id = l.via LEFT JOIN body b ON b.seq = l.seq;
CREATE VIEW v_peers AS
  SELECT p.id AS id, p.name AS name, nullif(p.host, '') AS host, p.port AS port, p.pub IS NOT NULL AS has_key,
         coalesce(s.cursor, 0) AS cursor, coalesce(s.acked, 0) AS acked,
         d.state AS dial_state, d.reason AS dial_reason, c.state AS call_state, c.reason AS call_reason
    FROM peers p LEFT JOIN peer_sync s ON s.peer = p.id AND s.gen = p.gen
         LEFT JOIN peer_state d ON d.peer = p.id AND d.side = 0 LEFT JOIN peer_state c ON c.peer = p.id AND c.side = 1;
)sql";

}  // namespace gossip::db
