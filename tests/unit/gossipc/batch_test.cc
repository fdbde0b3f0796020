#include "gossipc/batch.h"

#include <gtest/gtest.h>

#include <optional>

#include "db/json.h"
#include "gossip/text.h"
#include "gossipc/compose.h"
#include "support/folder.h"

namespace gossip::client {
namespace {

constexpr std::size_t kLimit = 100;

// A database to ask SQLite with; nothing is stored in it.
class Scratch {
 public:
  Scratch() { db.emplace(folder_ / "x.db", db::Database::Mode::kCreate, 0); }

 private:
  test::Folder folder_;

 public:
  std::optional<db::Database> db;
};

class BatchLine : public testing::Test {
 protected:
  BatchLine() : json_(*scratch_.db) {}

  Said good(const std::string& line, const std::string& source = "bob") {
    auto got = read_json(json_, line, source, kLimit);
    if (auto* bad = std::get_if<BadLine>(&got)) ADD_FAILURE() << line << ": " << bad->words.what;
    return std::holds_alternative<Said>(got) ? std::get<Said>(got) : Said{};
  }
  BadLine bad(const std::string& line, const std::string& source = "bob") {
    auto got = read_json(json_, line, source, kLimit);
    EXPECT_TRUE(std::holds_alternative<BadLine>(got)) << line;
    return std::holds_alternative<BadLine>(got) ? std::get<BadLine>(got) : BadLine{};
  }

  Scratch scratch_;
  db::JsonLines json_;
};

TEST_F(BatchLine, JsonTextsComeOutByteForByte) {
  EXPECT_EQ(good(R"({"text":"hello"})").text, "hello");
  EXPECT_EQ(good(R"({"text":"hello"})").source, "bob");
  EXPECT_EQ(good(R"( {"source" : "eve", "text" : "a\nb\t\"\\\/"} )").text, "a\nb\t\"\\/");
  EXPECT_EQ(good(R"({"text":"x","source":"eve"})", "").source, "eve");
  EXPECT_EQ(good(R"({"text":"\u00e9\u20ac\ud83d\ude00\u0001"})").text, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x01");
  EXPECT_EQ(good("{\"text\":\"\xF0\x9F\x98\x80\"}").text, "\xF0\x9F\x98\x80");
  EXPECT_EQ(good(R"({"text":"\\u0000"})").text, "\\u0000");  // a backslash, and no NUL
}

TEST_F(BatchLine, BadJsonIsRefusedInWords) {
  EXPECT_EQ(bad("").words.what, "not a JSON object");
  EXPECT_EQ(bad("hello").words.what, "not a JSON object");
  EXPECT_EQ(bad("\"hello\"").words.what, "not a JSON object");
  EXPECT_EQ(bad("[\"text\"]").words.what, "not a JSON object");
  EXPECT_EQ(bad(R"({"text":"x"}{"text":"y"})").words.what, "not a JSON object");
  EXPECT_EQ(bad(R"({'text':'x'})").words.what, "not a JSON object");
  EXPECT_EQ(bad("{}").words.what, "no \"text\" in it");
  EXPECT_EQ(bad(R"({"text":7})").words.what, "\"text\" is not a string");
  EXPECT_EQ(bad(R"({"text":null})").words.what, "\"text\" is not a string");
  EXPECT_EQ(bad(R"({"text":{"text":"x"}})").words.what, "\"text\" is not a string");
  EXPECT_EQ(bad(R"({"text":"x","sender":"eve"})").words.what, "unknown field \"sender\"");
  EXPECT_EQ(bad(R"({"text":"x","text":"y"})").words.what, "\"text\" is there twice");
  EXPECT_EQ(bad(R"({"text":"x"})", "").words.what, "no sender");
  EXPECT_EQ(bad(R"({"text":"x","source":""})").words.what, "the sender is empty");
  EXPECT_EQ(bad("{\"text\":\"\xff\"}").words.what, "not valid UTF-8 at byte offset 9");
  EXPECT_EQ(bad(std::string("{\"text\":\"a\0b\"}", 14)).code, kUsage);
}

// SQLite would give "a": what is not whole must be refused, never cut.
TEST_F(BatchLine, F9ATextWithNulIsRefusedAndNotCut) {
  EXPECT_EQ(bad(R"({"text":"a\u0000b"})").code, kUsage);
  EXPECT_EQ(bad(R"({"text":"a\\\u0000b"})").code, kUsage);
  EXPECT_EQ(bad(R"({"text":"\u0000"})").code, kUsage);
}

TEST_F(BatchLine, F9LoneSurrogatesAreRefused) {
  EXPECT_EQ(bad(R"({"text":"a\ud800"})").code, kUsage);
  EXPECT_EQ(bad(R"({"text":"\ud800"})").words.what, "there is a lone surrogate in \"text\"");
  EXPECT_EQ(bad(R"({"text":"\udc00 b"})").code, kUsage);
  EXPECT_EQ(bad(R"({"text":"\ud800\ud800"})").code, kUsage);
}

TEST_F(BatchLine, SizesAndSenders) {
  EXPECT_EQ(good("{\"text\":\"" + std::string(kLimit, 'x') + "\"}").text.size(), kLimit);
  EXPECT_EQ(bad("{\"text\":\"" + std::string(kLimit + 1, 'x') + "\"}").code, kRefused);
  EXPECT_EQ(bad("{\"text\":\"" + std::string(100'000, 'x')).code, kRefused);
  EXPECT_EQ(bad(R"({"text":""})").code, kUsage);
  EXPECT_EQ(bad(R"({"text":"x","source":"a\nb"})").code, kUsage);
  EXPECT_EQ(bad("{\"text\":\"x\",\"source\":\"" + std::string(65, 'x') + "\"}").code, kUsage);
}

TEST(PlainLine, TheLineIsTheText) {
  const auto code_of = [](std::string_view line, const std::string& source) {
    const auto got = read_plain(line, source, kLimit);
    return std::holds_alternative<Said>(got) ? kDone : std::get<BadLine>(got).code;
  };
  EXPECT_EQ(std::get<Said>(read_plain("  a, \"b\"\r ", "bob", kLimit)).text, "  a, \"b\"\r ");
  EXPECT_EQ(code_of(std::string(kLimit, 'x'), "bob"), kDone);
  EXPECT_EQ(code_of(std::string(kLimit + 1, 'x'), "bob"), kRefused);
  EXPECT_EQ(code_of("", "bob"), kUsage);
  EXPECT_EQ(code_of("\xff", "bob"), kUsage);
  EXPECT_EQ(code_of(std::string_view("a\0b", 3), "bob"), kUsage);
}

TEST(JsonObject, ValuesAreQuotedBySqlite) {
  Scratch scratch;
  db::JsonObject out(*scratch.db);
  EXPECT_EQ(out.take(), "{}");
  EXPECT_EQ(out.text("a", "x\"\\\n\x1b").integer("b", -5).boolean("c", true).null("d").take(),
            "{\"a\":\"x\\\"\\\\\\n\\u001b\",\"b\":-5,\"c\":true,\"d\":null}");
  EXPECT_EQ(out.text("again", "").take(), "{\"again\":\"\"}");
  EXPECT_EQ(out.texts("none", {}).texts("two", {"a\"", "b"}).take(), "{\"none\":[],\"two\":[\"a\\\"\",\"b\"]}");
}

TEST(Stamp, OrderIsKeptWhateverTheClockDoes) {
  Stamp stamp;
  std::uint64_t before = stamp.next(1000);
  EXPECT_EQ(before, std::uint64_t{1000} << 16);
  EXPECT_EQ(stamp.next(1000), (std::uint64_t{1000} << 16) + 1);
  before = stamp.next(1000);
  for (std::int64_t wall : {1000, 999, 5, 1001, 1001, 1000, 2000}) {
    const std::uint64_t now = stamp.next(wall);
    EXPECT_GT(now, before);
    before = now;
  }
  for (int i = 0; i < 200'000; ++i) {  // more than one millisecond can hold
    const std::uint64_t now = stamp.next(2000);
    ASSERT_GT(now, before);
    before = now;
  }
  EXPECT_EQ(Stamp().next(-5), 0u);
}

}  // namespace
}  // namespace gossip::client
