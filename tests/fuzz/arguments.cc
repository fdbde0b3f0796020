// gossipc's arguments and standard input: words of a command line, dates, lines in pieces, lines of JSON. A refusal is words for a
// person; what is accepted is lawful and nothing but what was given.
#include "db/json.h"
#include "db/messages.h"
#include "db/search.h"
#include "fuzz/scratch_db.h"
#include "gossip/check.h"
#include "gossip/message.h"
#include "gossip/text.h"
#include "gossipc/batch.h"
#include "gossipc/layout.h"
#include "gossipc/lines.h"
#include "gossipc/options.h"
#include "gossipc/when.h"
#include "support/fuzz_input.h"

using namespace gossip;
using namespace gossip::client;
using gossip::test::scratch_db;

namespace {

constexpr std::size_t kLimit = 200;  // of a text or line here

void words(std::string_view text) {
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < text.size() && arguments.size() < 32;) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    arguments.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  const auto got = parse_options(arguments);
  if (!got) {
    GOSSIP_CHECK(!got.refusal().what.empty());
    return;
  }
  std::size_t given = 0;
  for (int letter = 1; letter < 127; ++letter) {
    const Opt option = static_cast<Opt>(letter);
    given += got->values(option).size();
    if (option == kMessage || option == kName || option == kSource) GOSSIP_CHECK(got->values(option).size() <= 1);
  }
  GOSSIP_CHECK(given <= text.size());  // each comes of a byte at least
}

void dates(std::string_view text) {
  constexpr std::int64_t kNow = 1'700'000'000'000;
  const auto got = parse_when(text, kNow);
  if (got) GOSSIP_CHECK(text.size() <= 20 && *got > -62'200'000'000'000 && *got < 253'500'000'000'000);
}

// The same lines come of every cut.
void lines(test::Feed& feed) {
  LineBuffer pieces(kLimit), whole(kLimit);
  std::vector<std::string> one, other;
  auto drain = [](LineBuffer& from, std::vector<std::string>& to) {
    while (const auto line = from.next()) {
      GOSSIP_CHECK(line->size() <= kLimit + 1);
      to.emplace_back(*line);
      if (line->size() > kLimit) return false;
    }
    return true;
  };
  const std::size_t cut = 1 + feed.u8();
  const std::string_view text = as_text(feed.rest());
  bool fine = true;
  for (std::size_t at = 0; at < text.size() && fine; at += cut) {
    pieces.feed(text.substr(at, cut));
    fine = drain(pieces, one);
  }
  pieces.end();
  if (fine) drain(pieces, one);
  whole.feed(text);
  whole.end();
  drain(whole, other);
  GOSSIP_CHECK(one == other);
}

void json(std::string_view line) {
  static db::Database db = scratch_db();
  static db::JsonLines parser(db);
  const auto got = read_json(parser, line, "someone", kLimit);
  if (const auto* bad = std::get_if<BadLine>(&got)) {
    GOSSIP_CHECK(bad->code != kDone && !bad->words.what.empty());
    return;
  }
  const Said& said = std::get<Said>(got);
  GOSSIP_CHECK(!check_sender(said.source) && !check_text(said.text, kLimit));
  db::JsonObject object(db);
  const auto again = read_json(parser, object.text("text", said.text).text("source", said.source).take(), "other", kLimit);
  GOSSIP_CHECK(std::holds_alternative<Said>(again));
  GOSSIP_CHECK(std::get<Said>(again).text == said.text && std::get<Said>(again).source == said.source);
}

// Of dates, and of what else is one word of the command line: what is looked for is always an expression that the index takes.
void dates_and_words(std::string_view words) {
  dates(words);
  static db::Database db = scratch_db();
  if (const auto expression = db::search_expression(words)) db::search_rows(db, *expression, 0, 1);
  GOSSIP_CHECK(db::find_messages(db, words, 2).empty());
  if (const auto format = parse_format(words)) GOSSIP_CHECK(utf8_fault(words) || !utf8_fault(formatted(*format, {}, false)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::Feed feed(data, size);
  switch (feed.u8() % 4) {
    case 0: words(as_text(feed.rest())); break;
    case 1: dates_and_words(as_text(feed.rest())); break;
    case 2: lines(feed); break;
    default: json(as_text(feed.rest()));
  }
  return 0;
}
