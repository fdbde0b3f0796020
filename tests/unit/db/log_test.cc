// The log: appending, finding, the chain, the bodies.
#include "db/log.h"

#include <random>

#include "scratch.h"

namespace gossip::db::test {
namespace {

class LogTest : public Scratch {
 protected:
  LogTest() : db_(open()), log_(db_, crypto_, fixed_clock) {}
  std::vector<Incoming> some(int n, const std::string& what = "m", std::uint64_t day = 19'000) {
    std::vector<Incoming> out;
    for (int i = 0; i < n; ++i) out.push_back(incoming(crypto_, hearsay(what + std::to_string(i), "alice", day)));
    return out;
  }
  Database db_;
  Log log_;
};

TEST_F(LogTest, EmptyAtFirst) {
  EXPECT_EQ(log_.size(), 0u);
  EXPECT_EQ(log_.chain(0), Hash{});
  EXPECT_EQ(log_.log_key().size(), 32u);
  std::array<LogRow, 4> rows;
  EXPECT_EQ(log_.rows(0, rows), 0u);
  Bytes body;
  EXPECT_FALSE(log_.body(1, body));
  EXPECT_TRUE(log_.commit({}, {}, {}));
}

struct Notebook final : Desk {
  explicit Notebook(Database& database) : db(database) {}
  void take(PeerId from, const Id12& mark) override { taken.emplace_back(from, mark), holds = true; }
  void clear() override {
    holds = false;
    moved = number(db, "SELECT count(*) FROM peer_sync");
  }
  Database& db;
  std::vector<std::pair<PeerId, Id12>> taken;
  bool holds = false;
  std::int64_t moved = -1;  // cursors, when it was last cleared
};

TEST_F(LogTest, EachMessageIsInHandBeforeItIsTouchedAndNoLonger) {
  Notebook desk(db_);
  add_key(db_, Bytes(4, 1), filled(1));
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  const PeerId bob = find_peer(db_, "bob")->id;
  std::vector<Incoming> two = some(2);
  two[1].via = bob;
  Log log(db_, crypto_, fixed_clock, &desk);
  const std::vector<CursorUpdate> cursors{{bob, 1, {{1}, 2, {}}, true}};
  EXPECT_EQ(log.commit(two, cursors, {}).stored, 2u);
  const std::vector<std::pair<PeerId, Id12>> wanted{{0, front_of(two[0].id)}, {bob, front_of(two[1].id)}};
  EXPECT_EQ(desk.taken, wanted);
  EXPECT_FALSE(desk.holds);
  EXPECT_EQ(desk.moved, 0) << "what comes after the messages is not of the last of them";
  EXPECT_EQ(number(db_, "SELECT count(*) FROM peer_sync"), 1);
}

TEST_F(LogTest, NothingStaysInHandWhenTheStoreIsFull) {
  Notebook desk(db_);
  Log log(db_, crypto_, fixed_clock, &desk);
  db_.exec(("PRAGMA max_page_count=" + std::to_string(db_.pragma("page_count"))).c_str());
  EXPECT_FALSE(log.commit(some(2000), {}, {}));
  EXPECT_FALSE(desk.taken.empty());
  EXPECT_FALSE(desk.holds);
}

TEST_F(LogTest, F10_AMessageIsStoredOnceHoweverOftenItComes) {
  auto batch = some(10);
  batch.push_back(batch[3]);  // twice in one transaction
  EXPECT_TRUE(log_.commit(batch, {}, {}));
  EXPECT_TRUE(log_.commit(batch, {}, {}));
  auto more = some(12);  // ten old ones, two new
  EXPECT_TRUE(log_.commit(more, {}, {}));
  EXPECT_EQ(log_.size(), 12u);
  EXPECT_EQ(number(db_, "SELECT count(*) FROM log"), 12);
  EXPECT_EQ(number(db_, "SELECT count(*) FROM body"), 12);
  EXPECT_EQ(number(db_, "SELECT max(seq) FROM log"), 12) << "seq is dense";
}

TEST_F(LogTest, F16_SeenStaysSeenWhenTheBodyIsGone) {
  auto batch = some(3);
  ASSERT_TRUE(log_.commit(batch, {}, {}));
  db_.exec("DELETE FROM body WHERE seq=2; UPDATE log SET size=0 WHERE seq=2");
  EXPECT_TRUE(log_.held(batch[1].epoch, front_of(batch[1].id)));
  EXPECT_TRUE(log_.commit(batch, {}, {}));
  EXPECT_EQ(log_.size(), 3u);
  Bytes body{1, 2};
  EXPECT_FALSE(log_.body(2, body));
  EXPECT_EQ(body, (Bytes{1, 2})) << "appends nothing";
  std::array<LogRow, 3> rows;
  ASSERT_EQ(log_.rows(0, rows), 3u);
  EXPECT_EQ(rows[1].size, 0u);
}

TEST_F(LogTest, BodiesInARowAndNotInARow) {
  const auto batch = some(9);
  ASSERT_TRUE(log_.commit(batch, {}, {}));
  db_.exec("DELETE FROM body WHERE seq=4; UPDATE log SET size=0 WHERE seq=4");
  auto read = [&](Seq seq) {
    Bytes body;
    EXPECT_EQ(log_.body(seq, body), seq >= 1 && seq <= 9 && seq != 4) << seq;
    EXPECT_EQ(body, seq >= 1 && seq <= 9 && seq != 4 ? batch[seq - 1].message : Bytes{}) << seq;
  };
  constexpr Seq kOrder[] = {1, 2, 3, 4, 5, 6, 6, 5, 7, 8, 9, 10, 11, 1, 0, 1, 2, 4, 3, 4, 4, 5};
  {
    const Reads reads(log_);
    for (Seq seq : kOrder) read(seq);
  }
  for (Seq seq : kOrder) read(seq);
  const auto more = some(1, "after that");
  EXPECT_TRUE(log_.commit(more, {}, {})) << "nothing stands open";
}

TEST_F(LogTest, F11_NoClockOrdersAnything) {
  static std::int64_t now;
  Log log(db_, crypto_, [] { return now -= 86'400'000; });  // every commit a day earlier
  now = 1'700'000'000'000;
  auto batch = some(20);
  for (const Incoming& message : batch) ASSERT_TRUE(log.commit({&message, 1}, {}, {}));
  std::vector<LogRow> rows(30);
  ASSERT_EQ(log.rows(0, rows), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(rows[i].id, batch[i].id);
}

TEST_F(LogTest, RowsArePagedAndDense) {
  ASSERT_TRUE(log_.commit(some(700), {}, {}));
  std::array<LogRow, 256> page;
  Seq after = 0;
  std::size_t pages = 0;
  for (std::size_t n; (n = log_.rows(after, page)) > 0; ++pages) {
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(page[i].seq, ++after);
  }
  EXPECT_EQ(after, 700u);
  EXPECT_EQ(pages, 3u);
  EXPECT_EQ(log_.rows(700, page), 0u);
  EXPECT_EQ(log_.rows(~Seq{0}, page), 0u);
}

TEST_F(LogTest, RowsCarryWhatWasStored) {
  add_key(db_, Bytes(5, 1), filled(1));
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  Message message = hearsay("hello", "alice", 20'001);
  Incoming in = incoming(crypto_, message, find_peer(db_, "bob")->id);
  ASSERT_TRUE(log_.commit({&in, 1}, {}, {}));
  LogRow row;
  ASSERT_EQ(log_.rows(0, {&row, 1}), 1u);
  EXPECT_EQ(row.seq, 1u);
  EXPECT_EQ(row.epoch, 20'001u);
  EXPECT_EQ(row.id, in.id);
  EXPECT_EQ(row.via, in.via);
  EXPECT_EQ(row.size, in.message.size());
  EXPECT_EQ(number(db_, "SELECT heard_ms FROM log"), fixed_clock());
}

TEST_F(LogTest, HeldNeedsTheDayAndAllTwelveBytes) {
  auto batch = some(50);
  ASSERT_TRUE(log_.commit(batch, {}, {}));
  for (const Incoming& message : batch) {
    Id12 id = front_of(message.id);
    EXPECT_TRUE(log_.held(message.epoch, id));
    EXPECT_FALSE(log_.held(message.epoch + 1, id));
    EXPECT_FALSE(log_.held(~std::uint64_t{0}, id));
    id[11] ^= 1;
    EXPECT_FALSE(log_.held(message.epoch, id));
  }
}

TEST_F(LogTest, HeldIsOneSeek) {
  Statement plan = db_.prepare("EXPLAIN QUERY PLAN SELECT 1 FROM log WHERE scope=0 AND epoch=? AND id>=? AND id<=? LIMIT 1");
  ASSERT_TRUE(plan.step());
  EXPECT_NE(plan.text(3).find("SEARCH log USING COVERING INDEX"), std::string_view::npos) << plan.text(3);
  EXPECT_NE(plan.text(3).find("id>? AND id<?"), std::string_view::npos) << plan.text(3);
}

// Every border of 256 rows, in commits of every size, with the cache cold and warm.
TEST_F(LogTest, ChainEqualsTheNaiveOne) {
  std::vector<Hash> naive{Hash{}};
  auto batch = some(1100);
  for (const Incoming& message : batch) naive.push_back(chain_next(crypto_, naive.back(), message.id));
  std::mt19937 random(7);
  for (std::size_t at = 0; at < batch.size();) {
    std::size_t n = std::min<std::size_t>(1 + random() % 90, batch.size() - at);
    ASSERT_TRUE(log_.commit(std::span(batch).subspan(at, n), {}, {}));
    at += n;
    EXPECT_EQ(log_.chain(at), naive[at]) << at;
    Seq any = random() % (at + 1);
    EXPECT_EQ(log_.chain(any), naive[any]) << any;
  }
  EXPECT_EQ(number(db_, "SELECT count(*) FROM log_chain"), 4);
  Log cold(db_, crypto_, fixed_clock);
  for (Seq seq : {1100, 255, 256, 257, 511, 512, 513, 1, 1024, 1023, 0, 768}) EXPECT_EQ(cold.chain(seq), naive[seq]) << seq;
  for (Seq seq = 0; seq <= 1100; ++seq) ASSERT_EQ(log_.chain(seq), naive[seq]) << seq;
}

TEST_F(LogTest, ARolledBackRowLeavesNoTraceInTheChain) {
  auto batch = some(255);
  ASSERT_TRUE(log_.commit(batch, {}, {}));
  Hash before = log_.chain(255);
  {
    Transaction transaction(db_);
    EXPECT_EQ(log_.append(incoming(crypto_, hearsay("never")), 1), Seq{256});
  }
  log_.refresh();
  EXPECT_EQ(log_.size(), 255u);
  Incoming real = incoming(crypto_, hearsay("real"));
  ASSERT_TRUE(log_.commit({&real, 1}, {}, {}));
  EXPECT_EQ(log_.chain(256), chain_next(crypto_, before, real.id));
}

TEST_F(LogTest, BodiesComeBackByteForByteAndHashToTheirId) {
  std::vector<Message> all;
  for (std::size_t parents = 0; parents <= kMaxParents; ++parents) {
    Message m = hearsay("text " + std::to_string(parents), std::string(kMaxSender, 's'));
    m.parents.assign(parents, filled(static_cast<std::uint8_t>(parents)));
    all.push_back(m);
  }
  all.push_back(hearsay(std::string(kMaxText, 'x'), "s"));
  all.push_back(hearsay("\n\r\t\x1b[2J,;'\" \\ \xf0\x9f\x98\x80 \xe2\x80\xae", "\xc3\xa9"));
  for (std::size_t size : {0u, 1u, 5000u}) {
    Message m;
    m.kind = 127;
    m.parents.assign(size % 3, filled(9));
    m.payload.assign(size, 0);  // also what is not text
    all.push_back(m);
  }
  for (const Message& message : all) {
    Incoming in = incoming(crypto_, message);
    ASSERT_TRUE(log_.commit({&in, 1}, {}, {}));
    Bytes body;
    ASSERT_TRUE(log_.body(log_.size(), body));
    EXPECT_EQ(body, in.message);
  }
  std::vector<LogRow> rows(all.size());
  ASSERT_EQ(log_.rows(0, rows), all.size());
  for (const LogRow& row : rows) {  // from the columns, as gossipd(8) documents them
    Statement columns = db_.prepare("SELECT head, sender, text FROM body WHERE seq=?");
    ASSERT_TRUE(columns.bind(1, static_cast<std::int64_t>(row.seq)).step());
    Bytes canonical(columns.blob(0).begin(), columns.blob(0).end());
    if (!columns.null(1)) {
      Writer(canonical).u8(static_cast<std::uint8_t>(columns.text(1).size())).bytes(as_view(columns.text(1)));
      Writer(canonical).u32(static_cast<std::uint32_t>(columns.text(2).size())).bytes(as_view(columns.text(2)));
    }
    EXPECT_EQ(message_id(crypto_, canonical), row.id);
    EXPECT_EQ(canonical.size(), row.size);
  }
}

TEST_F(LogTest, AppendInTheCallersTransaction) {
  auto batch = some(3);
  {
    Transaction transaction(db_);
    EXPECT_EQ(log_.append(batch[0], 5), Seq{1});
    EXPECT_EQ(log_.append(batch[1], 6), Seq{2});
    EXPECT_EQ(log_.append(batch[0], 7), std::nullopt);
    EXPECT_EQ(log_.append(batch[2], 8), Seq{3});
    transaction.commit();
  }
  EXPECT_FALSE(log_.refresh()) << "nobody else changed anything";
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_EQ(words(db_, "SELECT group_concat(heard_ms) FROM log"), "5,6,8");
}

TEST_F(LogTest, WhatAnotherConnectionCommitsComesWithRefresh) {
  Database other = open();
  Log theirs(other, crypto_, fixed_clock);
  auto batch = some(5);
  ASSERT_TRUE(theirs.commit(std::span(batch).first(3), {}, {}));
  EXPECT_EQ(log_.size(), 0u);
  std::array<LogRow, 4> rows;
  EXPECT_EQ(log_.rows(0, rows), 0u) << "one turn, one log";
  EXPECT_TRUE(log_.held(batch[0].epoch, front_of(batch[0].id))) << "held looks at the file";
  EXPECT_TRUE(log_.refresh());
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_FALSE(log_.refresh());
  ASSERT_TRUE(theirs.commit(std::span(batch).first(4), {}, {}));
  EXPECT_EQ(log_.rows(0, rows), 3u) << "as many as size() said";
  ASSERT_TRUE(log_.commit(batch, {}, {}));
  EXPECT_EQ(log_.size(), 5u);
  EXPECT_EQ(log_.chain(5), Log(other, crypto_, fixed_clock).chain(5));
}

TEST_F(LogTest, ChainOfTheCoreFollowsItsDefinition) {
  Hash chain = filled(3), id = filled(4);
  Bytes both;
  Writer(both).bytes(chain).bytes(id);
  EXPECT_EQ(chain_next(crypto_, chain, id), crypto_.sha256(both));
  Bytes key(32, 9), input;
  Writer(input).bytes(as_view("log")).u64(7).u64(2);
  Hash mac = crypto_.hmac(key, input);
  EXPECT_TRUE(std::equal(mac.begin(), mac.begin() + 16, log_id_for(crypto_, key, 7, 2).begin()));
  input.clear();
  Writer(input).bytes(as_view("tag")).u64(7).u64(300).bytes(chain);
  mac = crypto_.hmac(key, input);
  EXPECT_TRUE(std::equal(mac.begin(), mac.begin() + 8, tag_for(crypto_, key, 7, 300, chain).begin()));
  EXPECT_EQ(tag_for(crypto_, key, 7, 0, Hash{}), Tag{});
}

}  // namespace
}  // namespace gossip::db::test
