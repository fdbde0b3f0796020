// Reading messages for people.
#include "db/messages.h"

#include "db/files.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

class Messages : public Scratch {
 protected:
  Messages() : db_(open()), log_(db_, crypto_, fixed_clock) {
    for (std::uint8_t i = 1; i < 4; ++i) add_key(db_, Bytes(4, i), filled(i));
    EXPECT_EQ(add_peer(db_, "bob"), Change::kDone);
    bob_ = find_peer(db_, "bob")->id;
  }
  Seq put(const Message& message, PeerId via = 0, std::int64_t heard_ms = fixed_clock()) {
    Transaction transaction(db_);
    auto seq = log_.append(incoming(crypto_, message, via), heard_ms);
    transaction.commit();
    return seq.value();
  }
  std::vector<Shown> all(const Filter& filter = {}, bool json = false, std::size_t limit = kPage) {
    std::vector<Shown> out;
    Seq at = 0;
    for (int page = 0; page < 1000; ++page) {
      Seq scanned = 0;
      auto rows = read_messages(db_, at, filter, limit, json, scanned);
      EXPECT_LE(rows.size(), std::min(limit, kPage));
      EXPECT_GE(scanned, at);
      if (rows.empty() && scanned == at) return out;
      for (auto& row : rows) {
        EXPECT_GT(row.seq, at);
        EXPECT_LE(row.seq, scanned);
        out.push_back(std::move(row));
      }
      at = scanned;
    }
    ADD_FAILURE() << "no end";
    return out;
  }
  Database db_;
  Log log_;
  PeerId bob_ = 0;
};

// Reads a JSON string back, as RFC 8259 says.
std::string from_json(std::string_view in) {
  std::string out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\\') {
      EXPECT_GE(static_cast<unsigned char>(in[i]), 0x20);
      out += in[i];
      continue;
    }
    char c = in[++i];
    const std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (auto at = from.find(c); at != from.npos) {
      out += to[at];
    } else {
      EXPECT_EQ(c, 'u');
      auto code = std::stoul(std::string(in.substr(i + 1, 4)), nullptr, 16);
      EXPECT_LT(code, 0x20u) << "only controls need it";
      out += static_cast<char>(code);
      i += 4;
    }
  }
  return out;
}

// The value of the field "text" of a message without parents.
std::string text_of(const std::string& json) {
  static constexpr std::string_view kField = ",\"text\":\"";
  static constexpr std::string_view kEnd = "\",\"parents\":[]}";
  auto at = json.rfind(kField);
  EXPECT_NE(at, json.npos) << json;
  EXPECT_TRUE(json.ends_with(kEnd)) << json;
  return from_json(std::string_view(json).substr(at + kField.size(), json.size() - at - kField.size() - kEnd.size()));
}

TEST_F(Messages, EmptyStore) {
  EXPECT_TRUE(all().empty());
  EXPECT_EQ(last_seq(db_), 0u);
  EXPECT_EQ(start_of_last(db_, {}, 10), 0u);
  EXPECT_TRUE(find_messages(db_, {filled(1)}).empty());
}

TEST_F(Messages, ShowsWhoWhatAndWhen) {
  put(hearsay("mine", "me"));
  put(hearsay("his", "alice"), bob_, 1'769'869'135'000);
  auto rows = all({}, true);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].delivered_by, "self");
  EXPECT_EQ(rows[1].delivered_by, "bob");
  EXPECT_EQ(rows[1].sender, "alice");
  EXPECT_EQ(rows[1].text, "his");
  EXPECT_EQ(rows[1].heard_ms, 1'769'869'135'000);
  EXPECT_TRUE(rows[1].known && rows[1].kept);
  EXPECT_EQ(rows[1].json, "{\"seq\":2,\"id\":\"" + to_hex(rows[1].id) +
                              "\",\"heard\":\"2026-01-31T14:18:55Z\",\"heard_ms\":1769869135000,\"delivered_by\":\"bob\","
                              "\"sender\":\"alice\",\"text\":\"his\",\"parents\":[]}");
  EXPECT_TRUE(all()[0].json.empty());
  EXPECT_EQ(
      words(db_,
            "SELECT heard || '|' || delivered_by || '|' || sender || '|' || text || known || kept FROM v_messages WHERE seq=2"),
      "2026-01-31 14:18:55|bob|alice|his11");
  EXPECT_EQ(words(db_, "SELECT id FROM v_messages WHERE seq=2"), to_hex(rows[1].id));
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  EXPECT_EQ(all()[1].delivered_by, "bob~" + std::to_string(bob_));
}

TEST_F(Messages, KindsNotKnownAndBodiesNotKept) {
  Message carried;
  carried.kind = 42;
  carried.payload = {0, 1, 255};
  put(carried);
  put(hearsay("gone"));
  db_.exec("DELETE FROM body WHERE seq=2; UPDATE log SET size=0 WHERE seq=2");
  auto rows = all({}, true);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].known);
  EXPECT_TRUE(rows[0].kept);
  EXPECT_NE(rows[0].json.find("\"sender\":null,\"text\":null,\"parents\":[],\"kind\":42}"), std::string::npos) << rows[0].json;
  EXPECT_FALSE(rows[1].kept);
  EXPECT_NE(rows[1].json.find("\"sender\":null,\"text\":null,\"parents\":[],\"kept\":false}"), std::string::npos) << rows[1].json;
  EXPECT_EQ(words(db_, "SELECT group_concat(known || kept) FROM v_messages"), "01,10");
}

TEST_F(Messages, PagesNeitherLoseNorRepeat) {
  Transaction transaction(db_);
  for (int i = 0; i < 1203; ++i) log_.append(incoming(crypto_, hearsay(std::to_string(i))), i);
  transaction.commit();
  for (std::size_t limit : {7u, 500u, 100'000u}) {
    auto rows = all({}, false, limit);
    ASSERT_EQ(rows.size(), 1203u);
    for (int i = 0; i < 1203; ++i) ASSERT_EQ(rows[static_cast<std::size_t>(i)].text, std::to_string(i));
  }
}

TEST_F(Messages, APageIsBoundedInBytes) {
  for (int i = 0; i < 7; ++i) put(hearsay(std::string(kMaxText, static_cast<char>('a' + i))));
  Seq scanned = 0;
  auto rows = read_messages(db_, 0, {}, kPage, false, scanned);
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_EQ(scanned, 4u);
  EXPECT_EQ(all().size(), 7u);
}

TEST_F(Messages, FilterByFriendAndTime) {
  for (int i = 0; i < 30; ++i) put(hearsay(std::to_string(i)), i % 3 == 0 ? bob_ : 0, i * 1000);
  EXPECT_EQ(all({.from = "bob", .since_ms = {}}).size(), 10u);
  EXPECT_EQ(all({.from = "self", .since_ms = {}}).size(), 20u);
  EXPECT_EQ(all({.from = "nobody", .since_ms = {}}).size(), 0u);
  EXPECT_EQ(all({.from = {}, .since_ms = 25'000}).size(), 5u);
  EXPECT_EQ(all({.from = "bob", .since_ms = 25'000}, false, 1).size(), 1u);
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  EXPECT_EQ(all({.from = "bob", .since_ms = {}}).size(), 0u);
  EXPECT_EQ(all({.from = "bob~" + std::to_string(bob_), .since_ms = {}}).size(), 10u);
}

TEST_F(Messages, APageWithoutAMatchStillMovesOn) {
  Transaction transaction(db_);
  for (int i = 0; i < 10'500; ++i) log_.append(incoming(crypto_, hearsay(std::to_string(i))), 1);
  log_.append(incoming(crypto_, hearsay("his"), bob_), 1);
  transaction.commit();
  Seq scanned = 0;
  EXPECT_TRUE(read_messages(db_, 0, {.from = "bob", .since_ms = {}}, kPage, false, scanned).empty());
  EXPECT_GT(scanned, 0u);
  EXPECT_LT(scanned, 10'501u);
  ASSERT_EQ(all({.from = "bob", .since_ms = {}}).size(), 1u);
}

TEST_F(Messages, TheLastN) {
  for (int i = 1; i <= 20; ++i) put(hearsay(std::to_string(i)), i % 2 ? bob_ : 0);
  EXPECT_EQ(start_of_last(db_, {}, 0), 20u);
  EXPECT_EQ(start_of_last(db_, {}, 5), 15u);
  EXPECT_EQ(start_of_last(db_, {}, 20), 0u);
  EXPECT_EQ(start_of_last(db_, {}, 21), 0u);
  EXPECT_EQ(start_of_last(db_, {}, ~std::uint64_t{0}), 0u);
  const Filter from_bob{.from = "bob", .since_ms = {}};
  Seq start = start_of_last(db_, from_bob, 3), scanned = 0;
  auto rows = read_messages(db_, start, from_bob, kPage, false, scanned);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].text, "15");
}

// Of few days and of a day each: by seeks, or by a look through all.
TEST_F(Messages, FindsThemWhateverDaysTheyClaim) {
  std::vector<Hash> ids{filled(3)};
  const auto check = [&] {
    for (std::size_t n : {std::size_t{2}, ids.size()}) {
      const std::vector<Hash> wanted(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n));
      std::map<Hash, Seq> there;
      for (std::size_t i = 1; i < n; ++i) there.emplace(wanted[i], Seq{i});
      EXPECT_EQ(find_messages(db_, wanted), there) << n;
    }
  };
  const auto add = [&](std::uint64_t day, int n) {
    std::vector<Incoming> messages;
    for (int i = 0; i < n; ++i) {
      messages.push_back(incoming(crypto_, hearsay("text " + std::to_string(i), "alice", day)));
      ids.push_back(messages.back().id);
    }
    ASSERT_TRUE(log_.commit(messages, {}, {}));
  };
  add(7, 600);
  check();
  for (std::uint64_t day = 8; day < 128; ++day) add(day * day, 1);
  check();
}

TEST_F(Messages, FilterBySenderUntilAndOthers) {
  for (int i = 0; i < 30; ++i) put(hearsay(std::to_string(i), i % 5 ? "alice" : "carol"), i % 3 == 0 ? bob_ : 0, i * 1000);
  Filter filter;
  filter.sender = "carol";
  EXPECT_EQ(all(filter).size(), 6u);
  EXPECT_EQ(start_of_last(db_, filter, 2), 16u) << "the third of them from the end";
  filter.others = true;
  EXPECT_EQ(all(filter).size(), 2u);
  filter.sender = "Carol";
  EXPECT_TRUE(all(filter).empty());
  Filter times;
  times.since_ms = 3000;
  times.until_ms = 10'000;
  EXPECT_EQ(all(times).size(), 7u) << "from since on, before until";
  EXPECT_EQ(start_of_last(db_, times, 3), 7u);
}

TEST_F(Messages, TheLastNFarBack) {
  put(hearsay("his", "carol"), bob_);
  Transaction transaction(db_);
  for (int i = 0; i < 20'500; ++i) log_.append(incoming(crypto_, hearsay(std::to_string(i))), 1);
  transaction.commit();
  EXPECT_EQ(start_of_last(db_, {.from = "bob", .since_ms = {}}, 0), 1u);
  EXPECT_EQ(start_of_last(db_, {.from = "bob", .since_ms = {}}, 1), 0u);
}

TEST_F(Messages, ParentsHeldOrNot) {
  const Seq first = put(hearsay("question"));
  const Hash id = read_message(db_, first)->id;
  Message answer = hearsay("answer");
  answer.parents = {id, filled(9)};
  put(answer);
  Message carried;
  carried.kind = 42;
  carried.parents = {filled(1), filled(2), filled(3), filled(4)};
  carried.payload = {0, 1, 255};
  put(carried);
  auto rows = all({}, true);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[0].parents.empty());
  EXPECT_EQ(rows[1].parents, answer.parents);
  EXPECT_EQ(rows[2].parents, carried.parents);
  EXPECT_NE(rows[1].json.find("\"parents\":[\"" + to_hex(id) + "\",\"" + to_hex(filled(9)) + "\"]}"), std::string::npos) << rows[1].json;
  EXPECT_NE(rows[2].json.find(to_hex(filled(4)) + "\"],\"kind\":42}"), std::string::npos) << rows[2].json;
}

TEST_F(Messages, OneByItsSeq) {
  put(hearsay("text"));
  EXPECT_EQ(read_message(db_, 1)->text, "text");
  EXPECT_FALSE(read_message(db_, 2).has_value());
}

TEST_F(Messages, TheReadMarkOnlyMovesForward) {
  EXPECT_EQ(read_mark(db_), 0u);
  note_read(db_, 7);
  note_read(db_, 3);
  EXPECT_EQ(read_mark(db_), 7u);
  Database other = open();
  EXPECT_EQ(read_mark(other), 7u);
}

TEST_F(Messages, Facts) {
  put(hearsay("mine"));
  put(hearsay("his"), bob_);
  StoreFacts facts = store_facts(db_, path_);
  EXPECT_EQ(facts.messages, 2);
  EXPECT_EQ(facts.own, 1);
  EXPECT_EQ(facts.file_bytes, size_of(path_));
  EXPECT_GT(facts.wal_bytes, 0);
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

// Every scalar value there is but NUL, in rows of some thousand, through the store, the page and JSON.
TEST_F(Messages, F9_EveryCharacterSurvivesByteForByte) {
  std::vector<std::string> texts{std::string()};
  for (char32_t c = 1; c <= 0x10ffff; ++c) {
    if (c == 0xd800) c = 0xe000;
    append_utf8(texts.back(), c);
    if (texts.back().size() > 60'000) texts.emplace_back();
  }
  for (const char* text : {"a,b", "line\nbreak\r\n", "\"quoted\\\"", "x", "\x1b[2J", "</script>", "{\"text\":\"",
                           "\xef\xbb\xbf"
                           "bom"})
    texts.emplace_back(text);
  std::vector<Incoming> messages;
  for (const std::string& text : texts) messages.push_back(incoming(crypto_, hearsay(text)));
  ASSERT_TRUE(log_.commit(messages, {}, {}));
  auto rows = all({}, true);
  ASSERT_EQ(rows.size(), texts.size());
  Bytes body;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(rows[i].text, texts[i]);
    ASSERT_EQ(text_of(rows[i].json), texts[i]);
    ASSERT_EQ(rows[i].json.find('\n'), std::string::npos) << "one line";
    body.clear();
    ASSERT_TRUE(log_.body(i + 1, body));
    ASSERT_EQ(body, messages[i].message);
  }
}

TEST_F(Messages, NoStatementStaysOpenAcrossPages) {
  for (int i = 0; i < 10; ++i) put(hearsay(std::to_string(i)));
  Seq scanned = 0;
  read_messages(db_, 0, {}, 3, true, scanned);
  Statement checkpoint = db_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_TRUE(checkpoint.step());
  EXPECT_EQ(checkpoint.integer(0), 0) << "no reader is in the way";
}

TEST_F(Messages, OtherProgramsReadTheViews) {
  put(hearsay("hello"), bob_);
  Database reader = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = false});
  EXPECT_EQ(words(reader, "SELECT group_concat(name) FROM pragma_table_info('v_messages')"),
            "seq,id,heard_ms,heard,delivered_by,sender,text,known,kept");
  EXPECT_EQ(words(reader, "SELECT text FROM v_messages"), "hello");
  EXPECT_ANY_THROW(reader.exec("DELETE FROM v_messages"));
}

}  // namespace
}  // namespace gossip::db::test
