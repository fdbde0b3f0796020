// Bytes flipped and files cut off, by the hundred: every answer is an error of ours or what was stored, and no file changes.
// GOSSIP_DAMAGE: how many flips, and a quarter of it truncations, up to 256; GOSSIP_SEED: where they begin.
#include <chrono>
#include <map>
#include <random>

#include "db/inspect.h"
#include "db/messages.h"
#include "db/salvage.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

struct Counts {
  std::uint64_t refused_at_open = 0, refused_later = 0, unharmed = 0, changed_and_found = 0, salvaged = 0, nothing_salvaged = 0;
  std::int64_t messages = 0;
};

class Damage : public Scratch {
 protected:
  static constexpr int kMessages = 150;

  Damage() {
    {
      Database db = open();
      fill(db, 0, kMessages / 2);
      for (std::uint8_t i = 1; i <= 3; ++i) add_key(db, Bytes(1200, i), filled(i));
      add_peer(db, "ann", {{"127.0.0.1", 5555}});
      db.tidy_at_close();
    }
    {
      Database db = open();
      fill(db, kMessages / 2, kMessages);  // these lie in the -wal
    }
    std::filesystem::remove(path_ + "-shm");
    main_ = contents(path_), wal_ = contents(path_ + "-wal");
    { open().tidy_at_close(); }
    folded_ = contents(path_);
  }

  void fill(Database& db, int from, int to) {
    Log log(db, crypto_, fixed_clock);
    for (int i = from; i < to; ++i) {
      const std::string text = "message " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 40 == 0 ? 9000 : i % 90), 'x');
      const Incoming one = incoming(crypto_, hearsay(text, "alice", 19'000));
      texts_[to_hex(one.id)] = text;
      ASSERT_TRUE(log.commit(std::span(&one, 1), {}, {}));
    }
  }

  // One damaged store: opened, read, examined and salvaged.
  void meet(const std::string& main, const std::string& wal) {
    std::filesystem::remove(path_ + "-shm");
    write_file(path_, main);
    write_file(path_ + "-wal", wal);
    const auto start = std::chrono::steady_clock::now();
    std::optional<Database> db;
    try {
      db.emplace(open_store(path_, {.create = false}));
    } catch (const Error& error) {
      expected(error, true);
      ++counts_.refused_at_open;
      EXPECT_NE(error.hint(), "") << error.what();
      EXPECT_TRUE(contents(path_) == main && contents(path_ + "-wal") == wal) << error.what();
    }
    if (db) look(*db);
    db.reset();
    save(main, wal);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  }

  void expected(const Error& error, bool at_open) {
    const Trouble trouble = error.trouble();
    const bool ours = trouble == Trouble::kDamaged || trouble == Trouble::kNewer || trouble == Trouble::kNotOurs || trouble == Trouble::kIo;
    EXPECT_TRUE(ours || (!at_open && trouble == Trouble::kOther)) << error.what();
  }

  // A text that is shown and is not what was stored has to be found by hashing it again.
  void look(Database& db) try {
    bool changed = false;
    Seq at = 0, scanned = 0;
    do {
      at = scanned;
      for (const Shown& one : read_messages(db, at, {}, kPage, false, scanned)) {
        const auto found = texts_.find(to_hex(one.id));
        changed = changed || !one.kept || found == texts_.end() || found->second != one.text || one.sender != "alice";
      }
    } while (scanned != at);
    const bool found = !rehash(db, crypto_).fine();
    EXPECT_TRUE(found || !changed);
    integrity(db, 10);
    list_peers(db);
    ++(changed ? counts_.changed_and_found : counts_.unharmed);
  } catch (const Error& error) {
    expected(error, false);
    ++counts_.refused_later;
  }

  void save(const std::string& main, const std::string& wal) {
    const std::string copy = dir_ + "/copy.db", into = dir_ + "/into.db";
    for (const std::string& path : {copy, into}) {
      for (const char* rest : {"", "-wal", "-shm"}) std::filesystem::remove(path + rest);
    }
    write_file(copy, main);
    write_file(copy + "-wal", wal);
    const KeyFits fits = [](View der, const Hash& fp) { return der.size() == 1200 && std::count(der.begin(), der.end(), fp[0]) == 1200; };
    try {
      const Salvaged out = salvage(copy, into, crypto_, fits);
      ++counts_.salvaged;
      counts_.messages += out.kept;
    } catch (const Error& error) {
      expected(error, true);
      ++counts_.nothing_salvaged;
      EXPECT_FALSE(std::filesystem::exists(into));
      return;
    }
    Database db = open_store(into, {.create = false, .write = false});
    EXPECT_TRUE(integrity(db, 10).empty());
    EXPECT_TRUE(rehash(db, crypto_).fine());
    Seq scanned = 0;
    for (const Shown& one : read_messages(db, 0, {}, kPage, false, scanned)) {
      const auto found = texts_.find(to_hex(one.id));
      ASSERT_TRUE(found != texts_.end());
      EXPECT_EQ(one.text, found->second);
    }
  }

  void print(const char* what, std::uint64_t cases) const {
    std::printf("figures: %s: %llu, seed %llu: refused at open %llu, later %llu, read unharmed %llu, changed and found %llu;"
                " salvaged %llu (%lld of %llu messages), not %llu\n", what, static_cast<unsigned long long>(cases),
                static_cast<unsigned long long>(seed_), static_cast<unsigned long long>(counts_.refused_at_open),
                static_cast<unsigned long long>(counts_.refused_later), static_cast<unsigned long long>(counts_.unharmed),
                static_cast<unsigned long long>(counts_.changed_and_found), static_cast<unsigned long long>(counts_.salvaged),
                static_cast<long long>(counts_.messages), static_cast<unsigned long long>(cases * kMessages),
                static_cast<unsigned long long>(counts_.nothing_salvaged));
    EXPECT_EQ(counts_.refused_at_open + counts_.refused_later + counts_.unharmed + counts_.changed_and_found, cases);
  }

  const std::uint64_t cases_ = from_environment("GOSSIP_DAMAGE", 256), seed_ = from_environment("GOSSIP_SEED", 1);
  std::string main_, wal_, folded_;  // the last: all of it in one file
  std::map<std::string, std::string> texts_;  // by id
  Counts counts_;
};

TEST_F(Damage, FlippedBytesAreNeverTakenForRight) {
  std::mt19937_64 random(seed_);
  for (std::uint64_t i = 0; i < cases_ && !HasFailure(); ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    std::string main = i % 2 ? main_ : folded_, wal = i % 2 ? wal_ : std::string();
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      std::string& file = !wal.empty() && random() % 2 == 0 ? wal : main;
      // the first pages hold little and mean much
      const std::size_t reach = random() % 2 == 0 ? std::min<std::size_t>(file.size(), 8192) : file.size();
      file[random() % reach] ^= static_cast<char>(1 + random() % 255);
    }
    meet(main, wal);
  }
  print("flipped bytes", cases_);
  EXPECT_GT(counts_.salvaged, cases_ / 2);
}

TEST_F(Damage, WhatIsCutOffIsNeverTakenForWhole) {
  std::mt19937_64 random(seed_);
  const std::uint64_t cuts = cases_ / 4 > 256 ? 256 : cases_ / 4;
  for (std::uint64_t i = 0; i < cuts && !HasFailure(); ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    switch (i % 4) {
      case 0: meet(main_, wal_.substr(0, random() % wal_.size())); break;
      case 1: meet(main_.substr(0, 512 + random() % (main_.size() - 512)), wal_); break;
      default: meet(folded_.substr(0, 512 + random() % (folded_.size() - 512)), ""); break;
    }
  }
  print("truncations", cuts);
}

}  // namespace
}  // namespace gossip::db::test
