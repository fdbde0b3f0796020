// The machine's own floor under a live hop: one process stores 200 bytes in SQLite (WAL, synchronous=FULL) and passes them over TCP
// on loopback to another, which stores them too. A line for each round: ms for the store at A, ms from there until stored at B.
//   bench-floor DIRECTORY ROUNDS PAUSE_MS
#include <array>

#include "bench/wire.h"

namespace gossip::bench {
namespace {

using Text = std::array<char, 200>;

class Store {
 public:
  explicit Store(const std::string& path) : db_(open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) {
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA wal_autocheckpoint=0");
    run("CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, text TEXT)");
    begin_ = prepare(db_, "BEGIN IMMEDIATE");
    add_ = prepare(db_, "INSERT INTO log(text) VALUES(?)");
    commit_ = prepare(db_, "COMMIT");
  }
  void add(const Text& text) {
    step(begin_);
    must(sqlite3_bind_text(add_, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC) == SQLITE_OK, "bind");
    step(add_);
    step(commit_);
  }

 private:
  void run(const char* sql) { must(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }
  void step(sqlite3_stmt* statement) {
    must(sqlite3_step(statement) == SQLITE_DONE, "step");
    sqlite3_reset(statement);
  }
  sqlite3* db_;
  sqlite3_stmt *begin_, *add_, *commit_;
};

void be_b(const std::string& directory, int fd, int rounds) {
  Store store(directory + "/b.db");
  for (int i = 0; i < rounds; ++i) {
    Text text;
    read_all(fd, text.data(), text.size());
    store.add(text);
    const double stored = now_ms();
    write_all(fd, &stored, sizeof stored);
  }
}

int run(const std::string& directory, int rounds, double pause) {
  pid_t child = 0;
  const int fd = fork_with([&](int theirs) { be_b(directory, theirs, rounds); }, child);
  Store store(directory + "/a.db");
  Text text;
  text.fill('x');
  for (int i = 0; i < rounds; ++i) {
    pause_ms(pause);
    const double begin = now_ms();
    store.add(text);
    const double stored = now_ms();
    write_all(fd, text.data(), text.size());
    double there = 0;
    read_all(fd, &there, sizeof there);
    std::printf("%.4f %.4f\n", stored - begin, there - stored);
  }
  wait_for(child);
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return gossip::bench::run(argv[1], std::atoi(argv[2]), std::atof(argv[3]));
}
