// A live hop between two idle daemons: from `gossipc send` returning to the row readable in the database of the friend. Both databases
// are watched read-only through the documented view. A line for each round, in ms: how long the send took; from its return to the
// friend's row (below zero where the row was there first); from the sender's row to the friend's.
//   bench-hop GOSSIPC DATABASE_OF_THE_FRIEND ROUNDS PAUSE_MS      the environment is the sender's
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "bench/measure.h"

namespace gossip::bench {
namespace {

constexpr double kPatience = 20'000;

class Watch {
 public:
  explicit Watch(const std::string& path)
      : db_(open_database(path, SQLITE_OPEN_READONLY)),
        version_(prepare(db_, "PRAGMA data_version")),
        last_(prepare(db_, "SELECT seq FROM v_messages ORDER BY seq DESC LIMIT 1")) {}

  long last() { return ask(last_); }
  // Until a row beyond `seq` can be read; when that was seen.
  double beyond(long seq) {
    const double end = now_ms() + kPatience;
    for (long seen = -1;;) {
      const long version = ask(version_);
      if (version != seen && last() > seq) return now_ms();
      seen = version;
      must(now_ms() < end, "the message did not come");
      pause_ms(0.03);
    }
  }

 private:
  static long ask(sqlite3_stmt* statement) {
    const int got = sqlite3_step(statement);
    must(got == SQLITE_ROW || got == SQLITE_DONE, "step");
    const long value = got == SQLITE_ROW ? static_cast<long>(sqlite3_column_int64(statement, 0)) : 0;
    sqlite3_reset(statement);
    return value;
  }
  sqlite3* db_;
  sqlite3_stmt *version_, *last_;
};

void send(const char* gossipc, const std::string& text, const posix_spawn_file_actions_t& files) {
  std::array<const char*, 5> argv{gossipc, "send", "-m", text.c_str(), nullptr};
  pid_t child = 0;
  must(posix_spawn(&child, gossipc, &files, nullptr, const_cast<char* const*>(argv.data()), environ) == 0, gossipc);
  int status = 0;
  must(waitpid(child, &status, 0) == child && status == 0, "gossipc send");
}

int run(const char* gossipc, const char* database, int rounds, double pause) {
  prctl(PR_SET_TIMERSLACK, 1);  // short pauses are meant
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  const char* own = std::getenv("GOSSIPD_DB_PATH");
  must(own != nullptr, "GOSSIPD_DB_PATH");
  Watch sender(own), receiver(database);
  for (int i = 0; i < rounds; ++i) {
    pause_ms(pause);
    const long sender_last = sender.last(), receiver_last = receiver.last();
    std::atomic<double> here = 0, there = 0;
    const double begin = now_ms();
    std::thread watcher([&] {
      here = sender.beyond(sender_last);
      there = receiver.beyond(receiver_last);
    });
    send(gossipc, "hop " + std::to_string(i) + std::string(190, '.'), files);
    const double returned = now_ms();
    watcher.join();
    std::printf("%.4f %.4f %.4f\n", returned - begin, there.load() - returned, there.load() - here.load());
  }
  posix_spawn_file_actions_destroy(&files);
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  return gossip::bench::run(argv[1], argv[2], std::atoi(argv[3]), std::atof(argv[4]));
}
