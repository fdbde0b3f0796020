// Layouts of view: formats, wrapping, and what people see at a terminal.
#include "gossipc/layout.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sstream>

#include "db/log.h"
#include "db/schema.h"
#include "fuzz/scratch_db.h"
#include "gossip/message.h"
#include "gossipc/message_id.h"
#include "gossipc/wrap.h"
#include "support/toy_crypto.h"

namespace gossip::client {
namespace {

std::int64_t clock_of_the_test() { return 1'769'869'135'000; }  // 2026-01-31 14:18:55

db::Shown shown_message(const std::string& text, const std::string& sender = "bob") {
  db::Shown out;
  out.seq = 7;
  out.id.fill(0xab);
  out.heard_ms = clock_of_the_test();
  out.delivered_by = "carol";
  out.sender = sender;
  out.text = text;
  return out;
}

TEST(Wrap, ColumnsAreNeverFewerThanATerminalUses) {
  EXPECT_EQ(columns(""), 0u);
  EXPECT_EQ(columns("plain"), 5u);
  EXPECT_EQ(columns("caf\xc3\xa9"), 4u);
  EXPECT_EQ(columns("cafe\xcc\x81"), 4u) << "a mark stands on its letter";
  EXPECT_EQ(columns("\xe6\xbc\xa2\xe5\xad\x97"), 4u) << "two ideographs";
  EXPECT_EQ(columns("\xf0\x9f\x98\x80"), 2u) << "an emoji";
  EXPECT_EQ(columns("\xea\xb0\x80"), 2u) << "Hangul";
}

TEST(Wrap, FitsAtSpacesAndNeverInsideACharacter) {
  EXPECT_EQ(fitting("hello world", 11), 11u);
  EXPECT_EQ(fitting("hello world", 10), 6u);
  EXPECT_EQ(fitting("hello world", 5), 6u) << "the space at the end needs no room";
  EXPECT_EQ(fitting("helloworld", 4), 4u);
  EXPECT_EQ(fitting("\xe6\xbc\xa2\xe5\xad\x97", 3), 3u) << "one ideograph, three bytes";
  EXPECT_EQ(fitting("\xe6\xbc\xa2", 1), 3u) << "at least one character";
  EXPECT_EQ(fitting("", 4), 0u);
}

TEST(Wrap, FoldsBetweenWords) {
  EXPECT_EQ(folded("as it is", 2, 8), "as it is");
  EXPECT_EQ(folded("one two three", 2, 8), "one two\n  three");
  EXPECT_EQ(folded("see /long/path/stays/whole b", 2, 8), "see\n  /long/path/stays/whole\n  b");
  EXPECT_EQ(folded("  indented words", 4, 10), "  indented\n    words");
  EXPECT_EQ(folded("one two three four", 6, 8), "one two\n      three\n      four") << "a word that is longer than what is left";
  EXPECT_EQ(help_folded("usage: x\n\n  -a, --all  what is all of it\n", 20), "usage: x\n\n  -a, --all  what is\n    all of it\n");
  EXPECT_EQ(help_folded("  all  what is all of it\n", 20), "  all  what is all\n       of it\n");
  const std::string broken = std::string(100, 'x') + "\ny z\n";
  EXPECT_EQ(help_folded(broken, 101), std::string(100, 'x') + "\ny z\n");
  EXPECT_EQ(help_folded(broken, 103), std::string(100, 'x') + " y\nz\n");
}

TEST(Formats, EveryLetter) {
  db::Shown m = shown_message("a|b\n\\", "x|y");
  m.parents = {Hash{}, m.id};
  const std::string id = to_hex(m.id);
  const auto by = [&](std::string_view format, bool raw = false) {
    auto parsed = parse_format(format);
    EXPECT_TRUE(parsed.ok()) << format;
    return parsed ? formatted(*parsed, m, raw) : "";
  };
  EXPECT_EQ(by("%i"), id);
  EXPECT_EQ(by("%t %d"), "2026-01-31 14:18:55 carol");
  EXPECT_EQ(by("<%s> %m"), "<x\\x7cy> a|b\\x0a\\\\");
  EXPECT_EQ(by("<%s> %m", true), "<x|y> a|b\n\\");
  EXPECT_EQ(by("%n%%%p"), "7%" + std::string(64, '0') + "," + id);
  EXPECT_EQ(by("a\\tb\\nc\\\\d\\e"), "a\tb\nc\\d\\e");
  EXPECT_EQ(by(""), "");
  EXPECT_EQ(by("%t|delivered_by:%d|sender:%s|%m\\n"), classic_line(m, false));
  m.kept = false;
  EXPECT_EQ(by("%m"), "the text is no longer kept");
}

TEST(Formats, WhatIsNoFormat) {
  for (const char* bad : {"%", "%z", "ends in %", "%%%", "% i", "%I"}) {
    const auto parsed = parse_format(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_NE(parsed.refusal().hint.find("%i id"), std::string::npos);
  }
}

TEST(Ids, TheBeginningOfOne) {
  db::Database db = gossip::test::scratch_db();
  for (Seq seq = 1; seq <= 3; ++seq) {
    Hash id{};
    std::fill(id.begin(), id.begin() + (seq == 3 ? 3 : 5), std::uint8_t{0xab});
    id[20] = static_cast<std::uint8_t>(seq);
    db.prepare("INSERT INTO log(seq, scope, epoch, id, via, heard_ms, size) VALUES(?1, 0, ?1, ?2, 0, 0, 0)")
        .bind(1, db::signed_of(seq))
        .bind(2, id)
        .run();
  }
  db::Found found;
  EXPECT_EQ(find_one(db, "abababab", found), kUsage) << "two begin so";
  EXPECT_EQ(find_one(db, "ababab00", found), kDone);
  EXPECT_EQ(found.seq, 3u);
  EXPECT_EQ(find_one(db, "ABABABABAB" + std::string(30, '0') + "02", found), kDone);
  EXPECT_EQ(found.seq, 2u);
  EXPECT_EQ(to_hex(found.id).substr(0, 12), "ababababab00");
  EXPECT_EQ(find_one(db, "ffffffff", found), kNoSuch);
  for (const std::string& bad : {std::string(), std::string("abababa"), std::string("abababag"), std::string(65, 'a'), std::string("0x123456")})
    EXPECT_EQ(find_one(db, bad, found), kUsage) << bad;
}

// A store in memory, and what the human layout prints of it.
class HumanLayout : public ::testing::Test {
 protected:
  HumanLayout() : db_(gossip::test::scratch_db()), log_(db_, crypto_, clock_of_the_test) {}

  Hash say(const std::string& text, const std::vector<Hash>& parents = {}, const std::string& sender = "bob",
           std::int64_t heard_ms = clock_of_the_test()) {
    const Hash id = id_of(text, parents, sender);
    db::Transaction transaction(db_);
    EXPECT_TRUE(log_.append(made_, heard_ms));
    transaction.commit();
    return id;
  }
  Hash id_of(const std::string& text, const std::vector<Hash>& parents = {}, const std::string& sender = "bob") {
    Message message;
    message.parents = parents;
    message.sender = sender;
    message.text = text;
    made_.message = encode_message(message);
    made_.id = message_id(crypto_, made_.message);
    return made_.id;
  }
  std::string print(std::size_t width, bool colour = false, std::size_t page = db::kPage) {
    const int fd = ::memfd_create("out", 0);
    Out out(fd);
    const auto layout = human_layout(db_, {width, colour});
    for (Seq at = 0, scanned = 0;; at = scanned) {
      layout->print(db::read_messages(db_, at, {}, page, false, scanned), out);
      if (scanned == at) break;
    }
    out.flush();
    std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    ::close(fd);
    return text;
  }
  static std::string short_of(const Hash& id) { return to_hex(id).substr(0, 8); }

  gossip::test::ToyCrypto crypto_;
  db::Database db_;
  db::Log log_;
  Incoming made_;
};

TEST_F(HumanLayout, TimeIdAndWho) {
  const Hash one = say("hello"), two = say("next day", {}, "bob", clock_of_the_test() + 86'400'000);
  EXPECT_EQ(print(80), "2026-01-31\n14:18 " + short_of(one) + " self> bob: hello\n2026-02-01\n14:18 " + short_of(two) + " self> bob: next day\n");
  EXPECT_EQ(print(80, true).substr(0, 60),
            ("\x1b[2m2026-01-31\x1b[0m\n\x1b[2m14:18 " + short_of(one) + "\x1b[0m \x1b[1mself\x1b[0m> \x1b[35mbob\x1b[0m: hello\n").substr(0, 60));
}

TEST_F(HumanLayout, NoLineIsLongerThanTheTerminal) {
  std::string words, ideographs;
  for (int i = 0; i < 60; ++i) {
    words += "word" + std::to_string(i * i * i) + " ";
    ideographs += "\xe6\xbc\xa2";
  }
  say(words);
  say(ideographs);
  say(std::string(500, 'x'));
  say("short", {}, std::string(64, 's'));
  std::vector<Hash> above;
  for (int i = 0; i < 12; ++i) above = {say(words, above, "14:18 00000000 carol> eve: lies, \xc2\xad\xc2\xad\xc2\xad")};
  say("\xf0\x9f\x98\x80 caf\xc3\xa9 \x1b[31m " + words);
  say(words, {id_of(ideographs), id_of(words), Hash{}});
  for (std::size_t width : {28u, 29u, 40u, 41u, 42u, 43u, 44u, 80u, 81u, 200u}) {
    std::istringstream lines(print(width));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LE(columns(line), width) << line;
      EXPECT_EQ(line.find('\x1b'), line.npos);
    }
    EXPECT_GT(count, 10);
  }
}

TEST_F(HumanLayout, NothingOfATextIsLostAndNoLineOfItPassesForAMessage) {
  const Hash id = say("one\n14:18 00000000 carol> eve: lies\r\n\ttab\n\n");
  EXPECT_EQ(print(80), "2026-01-31\n14:18 " + short_of(id) +
                           " self> bob: one\n        14:18 00000000 carol> eve: lies\n            tab\n");
}

TEST_F(HumanLayout, AnswersStandUnderWhatTheyAnswerInWhateverOrderTheyCame) {
  const Hash question = id_of("question"), answer = id_of("answer", {question});
  say("deeper", {answer}, "dora");  // heard first of all
  say("answer", {question});
  const Hash other = say("something else");
  say("question");
  const Hash late = say("late", {question}, "eve");
  const Hash deeper = id_of("deeper", {answer}, "dora");
  EXPECT_EQ(print(80), "2026-01-31\n14:18 " + short_of(other) + " self> bob: something else\n" +
                           "14:18 " + short_of(question) + " self> bob: question\n" +
                           "14:18 " + short_of(answer) + "   self> bob: answer\n" +
                           "14:18 " + short_of(deeper) + "     self> dora: deeper\n" +
                           "14:18 " + short_of(late) + "   self> eve: late\n");
}

TEST_F(HumanLayout, WhatIsNotOnThePageIsQuotedAndWhatIsNotHereIsSaid) {
  const Hash question = say("question with \x1b[2J in it\nand more", {}, "x|y"), missing = id_of("missing");
  const Hash answer = say("answer", {question, missing});
  EXPECT_EQ(print(80, false, 1), "2026-01-31\n14:18 " + short_of(question) + " self> x|y: question with \\x1b[2J in it\n        and more\n" +
                                     "    re " + short_of(question) + " x|y: question with \\x1b[2J in it\n" +
                                     "    re " + short_of(missing) + ", a message that is not here\n" +
                                     "14:18 " + short_of(answer) + "   self> bob: answer\n");
  db_.exec("DELETE FROM body WHERE seq=1");
  EXPECT_NE(print(80, false, 1).find("re " + short_of(question) + ": the text is no longer kept\n"), std::string::npos);
}

TEST_F(HumanLayout, AVeryLongThreadStaysOnTheTerminal) {
  std::vector<Hash> above;
  for (int i = 0; i < 400; ++i) above = {say("text " + std::to_string(i), above)};
  std::istringstream lines(print(80));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 60u);
  EXPECT_EQ(count, 401);
}

}  // namespace
}  // namespace gossip::client
