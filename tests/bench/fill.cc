// A store as it is after years: messages of 200 bytes of one author, so many a day, the last of them yesterday. gossipd does not run.
//   bench-fill DATABASE MESSAGES MESSAGES_PER_DAY
#include <algorithm>

#include "bench/measure.h"
#include "crypto/openssl.h"
#include "db/log.h"
#include "db/schema.h"
#include "gossip/message.h"
#include "sys/clock.h"

namespace gossip::bench {
namespace {

constexpr int kPerCommit = 10'000;

Incoming message(Crypto& crypto, Rng& rng, std::int64_t at_ms, int number) {
  Message m;
  m.created = created_at(at_ms, static_cast<std::uint16_t>(number));
  m.salt = rng.array<16>();
  m.sender = "ann";
  m.text = std::to_string(number);
  m.text.resize(200, '.');
  Incoming out;
  out.message = encode_message(m);
  out.id = message_id(crypto, out.message);
  out.epoch = epoch_of(m.created);
  return out;
}

int run(const std::string& path, int messages, int per_day) {
  const auto crypto = crypto::make_crypto();
  const auto rng = crypto::make_rng();
  db::Database db = db::open_store(path, {});
  db::Log log(db, *crypto, sys::wall_ms);
  const std::int64_t days = (messages + per_day - 1) / per_day, today_ms = sys::wall_ms() / kDayMs * kDayMs, first_ms = today_ms - days * kDayMs;
  for (int i = 0; i < messages;) {
    db::Transaction transaction(db);
    for (const int end = std::min(messages, i + kPerCommit); i < end; ++i) {
      const std::int64_t at_ms = first_ms + i * kDayMs / per_day;
      const Incoming one[] = {message(*crypto, *rng, at_ms, i)};
      log.append(one, at_ms);
    }
    transaction.commit();
  }
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return gossip::bench::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
