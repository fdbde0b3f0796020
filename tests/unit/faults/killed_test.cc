// A process dies while it writes.
#include <csignal>

#include "faults.h"

namespace gossip::test {
namespace {

using Killed = FaultsTest;

TEST_F(Killed, AKilledWriterLosesNothingItAcknowledged) {
  { open(); }
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t child = db::test::spawn([&] {
      db::Database db = open();
      db::Log log(db, crypto_, db::test::fixed_clock);
      for (int i = 0;; ++i) {
        Incoming in = db::test::incoming(crypto_, db::test::hearsay(std::to_string(round) + "/" + std::to_string(i)));
        if (!log.commit({&in, 1}, {}, {})) return 1;
        Seq seq = log.size();
        if (::write(ends[1], &seq, sizeof seq) != sizeof seq) return 2;
      }
    });
    ::close(ends[1]);
    Seq acknowledged = 0, seq = 0;
    for (int i = 0; i < 60 && ::read(ends[0], &seq, sizeof seq) == sizeof seq; ++i) acknowledged = seq;
    ::kill(child, SIGKILL);
    EXPECT_EQ(db::test::exit_code(child), 128 + SIGKILL);
    while (::read(ends[0], &seq, sizeof seq) == sizeof seq) acknowledged = seq;
    ::close(ends[0]);
    db::Database db = open();
    db::Log log(db, crypto_, db::test::fixed_clock);
    EXPECT_GE(acknowledged, 60u);
    EXPECT_GE(log.size(), acknowledged);
    EXPECT_EQ(db::test::number(db, "SELECT count(*) FROM log"), static_cast<std::int64_t>(log.size()));
    EXPECT_EQ(db::test::number(db, "SELECT count(*) FROM body"), static_cast<std::int64_t>(log.size()));
    EXPECT_EQ(db::test::words(db, "PRAGMA integrity_check"), "ok");
  }
}

}  // namespace
}  // namespace gossip::test
