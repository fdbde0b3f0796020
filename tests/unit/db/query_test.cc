// Somebody's own SQL: what it reaches, and what it does not.
#include "db/query.h"

#include "scratch.h"

namespace gossip::db::test {
namespace {

class QueryTest : public Scratch {
 protected:
  QueryTest() : db_(open()), log_(db_, crypto_, fixed_clock) {
    add_key(db_, filled(1), filled(1));
    EXPECT_EQ(add_peer(db_, "alice", {{"192.0.2.7", 5555}}), Change::kDone);
    EXPECT_EQ(set_peer_key(db_, "alice", filled(7), filled(8), false), Change::kDone);
    const std::vector<Incoming> messages{incoming(crypto_, hearsay("one"), 1), incoming(crypto_, hearsay("two \"2\""))};
    EXPECT_TRUE(log_.commit(messages, {}, {}));
  }
  std::string ask(const std::string& sql, bool json = false) {
    Database db = open_store(path_, {.write = false});
    Query query(db);
    const Result<bool> prepared = query.prepare(sql);
    if (!prepared) return "refused: " + prepared.refusal().what;
    std::string out;
    for (;;) {
      const Result<bool> row = query.step();
      if (!row) return "refused: " + row.refusal().what;
      if (!*row) return out;
      if (json) out += query.json();
      for (std::size_t i = 0; i < query.columns() && !json; ++i) out += (i > 0 ? "|" : "") + query.text(i);
      out += ";";
    }
  }
  Database db_;
  Log log_;
};

TEST_F(QueryTest, TheViewsAnswer) {
  EXPECT_EQ(ask("SELECT seq, delivered_by, sender, text FROM v_messages ORDER BY seq"), "1|alice|alice|one;2|self|alice|two \"2\";");
  EXPECT_EQ(ask("select count(*) from v_messages; -- and no more"), "2;");
  EXPECT_EQ(ask("SELECT name, host, port, has_key, addresses FROM v_peers"), "alice|192.0.2.7|5555|1|[\"192.0.2.7:5555\"];");
  EXPECT_EQ(ask("WITH t AS (SELECT delivered_by AS d FROM v_messages) SELECT count(*), max(d) FROM t"), "2|self;");
  EXPECT_EQ(ask("WITH t AS (SELECT 1 FROM v_messages) SELECT count(*) FROM t"), "2;");
  EXPECT_EQ(ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3) SELECT group_concat(i) FROM n"), "1,2,3;");
  EXPECT_EQ(ask("SELECT m.text FROM v_messages m JOIN v_peers p ON p.name=m.delivered_by"), "one;");
  EXPECT_EQ(ask("SELECT 'using it''s natural: $1?' -- using\n, \"text\" /* natural? */ FROM v_messages WHERE seq=1"),
            "using it's natural: $1?|one;");
  EXPECT_EQ(ask("SELECT row_number() OVER (ORDER BY seq DESC) FROM v_messages WHERE text LIKE 't%'"), "1;");
}

TEST_F(QueryTest, JsonHasTypes) {
  EXPECT_EQ(ask("SELECT 1 AS i, 1.5 AS r, NULL AS n, 'a\"b' AS t, x'00ff' AS b, 9e999 AS \"in\"\"f\"", true),
            "{\"i\":1,\"r\":1.5,\"n\":null,\"t\":\"a\\\"b\",\"b\":\"X'00ff'\",\"in\\\"f\":null};");
}

TEST_F(QueryTest, NothingElseIsReached) {
  for (const char* sql : {
           "SELECT private FROM keys", "SELECT count(*) FROM keys", "SELECT * FROM main.keys", "SELECT v FROM meta", "SELECT pub FROM peers",
           "SELECT id FROM Peers", "SELECT rowid FROM log", "SELECT 1 FROM peers WHERE pub IS NOT NULL", "SELECT max(rowid) FROM who",
           "SELECT count(*) FROM counter", "SELECT count(pub) FROM peers", "SELECT 1 FROM peers a JOIN peers b USING(pub)",
           "SELECT 1 FROM v_peers p JOIN peers q ON p.id=q.id", "SELECT 1 FROM v_peers NATURAL JOIN peers",
           "SELECT 1 FROM v_peers nAtUrAl/**/join peers", "SELECT 1 FROM peers a JOIN peers b\nusing(pub)", "SELECT '' FROM peers NATURAL JOIN peers q",
           "SELECT \"'\" FROM v_peers NATURAL JOIN peers -- '", "SELECT 1 /* ' */ FROM v_peers NATURAL JOIN peers /* ' */",
           "SELECT [']\n FROM v_peers NATURAL JOIN peers -- '", "SELECT `'` FROM v_peers NATURAL JOIN peers -- '",
           "SELECT $a(') FROM v_peers NATURAL JOIN peers --'", "SELECT :a", "SELECT ?1", "SELECT x''NATURAL FROM v_peers NATURAL JOIN peers",
           "SELECT sql FROM sqlite_schema", "SELECT count(*) FROM sqlite_master",
           "SELECT name FROM sqlite_temp_schema", "SELECT count(*) FROM sqlite_temp_master", "SELECT * FROM pragma_table_info('keys')",
           "SELECT count(*) FROM pragma_table_list", "SELECT count(*) FROM sqlite_dbpage", "SELECT count(*) FROM heard", "SELECT name FROM main.v_peers",
           // names of views over somebody else's query
           "WITH v_messages AS (SELECT private FROM keys) SELECT * FROM v_messages",
           "WITH v_peers AS (SELECT pub FROM peers) SELECT * FROM v_peers",
           "WITH v_peers(a) AS (SELECT hex(v) FROM meta) SELECT a FROM v_peers", "SELECT * FROM (SELECT pub FROM peers) AS v_peers",
           "SELECT (SELECT private FROM keys) FROM v_messages", "SELECT 1 WHERE EXISTS (SELECT 1 FROM keys WHERE private>x'00')",
           "SELECT text FROM v_messages UNION SELECT private FROM keys", "SELECT text FROM v_messages ORDER BY (SELECT v FROM meta)",
           "SELECT 1 FROM v_messages WHERE seq IN keys", "SELECT 1 FROM v_messages WHERE text IN (SELECT v FROM meta)",
           // statements
           "DELETE FROM v_messages", "DELETE FROM log", "UPDATE peers SET name='x'", "INSERT INTO meta VALUES('a', 'b')",
           "CREATE TABLE t(a)", "CREATE TEMP TABLE t AS SELECT 1", "CREATE TEMP VIEW t AS SELECT 1", "DROP VIEW v_peers",
           "PRAGMA query_only=OFF", "PRAGMA table_info(keys)", "PRAGMA key_list", "ATTACH ':memory:' AS a", "DETACH main", "VACUUM",
           "VACUUM INTO '/tmp/x'", "BEGIN", "COMMIT", "SAVEPOINT a", "ANALYZE", "REINDEX", "EXPLAIN SELECT 1",
           "EXPLAIN QUERY PLAN SELECT * FROM v_messages", "SELECT 1; SELECT 2", "SELECT 1; DELETE FROM log", "", "  -- nothing", ";",
           "VALUES(load_extension('x'))",
           // functions
           "SELECT load_extension('x')", "SELECT sqlite_version()", "SELECT sqlite_compileoption_get(1)", "SELECT randomblob(4)",
           "SELECT unsealed('who.name', 1, x'00')", "SELECT zeroblob(1000000000)", "SELECT fts3_tokenizer('a')", "SELECT last_insert_rowid()",
           "SELECT nothing FROM v_messages", "SELECT"}) {
    EXPECT_EQ(ask(sql).rfind("refused: ", 0), 0u) << sql << " gave " << ask(sql);
  }
  EXPECT_EQ(number(db_, "SELECT count(*) FROM log"), 2);
  EXPECT_EQ(ask("SELECT abs(-9223372036854775808)"), "refused: the query failed: integer overflow");
}

}  // namespace
}  // namespace gossip::db::test
