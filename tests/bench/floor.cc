// The machine's own floor under a live hop: one process stores 200 bytes in SQLite (WAL, synchronous=FULL) and passes them over TCP
// on loopback to another, which stores them too. A line for each round: ms for the store at A, ms from there until stored at B.
//   bench-floor DIRECTORY ROUNDS PAUSE_MS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "bench/measure.h"

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

void read_all(int fd, void* data, std::size_t size) {
  must(recv(fd, data, size, MSG_WAITALL) == static_cast<ssize_t>(size), "recv");
}

void write_all(int fd, const void* data, std::size_t size) {
  must(send(fd, data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size), "send");
}

void no_delay(int fd) {
  const int on = 1;
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

[[noreturn]] void be_b(const std::string& directory, const sockaddr_in& at, int rounds) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  must(connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
  no_delay(fd);
  Store store(directory + "/b.db");
  for (int i = 0; i < rounds; ++i) {
    Text text;
    read_all(fd, text.data(), text.size());
    store.add(text);
    const double stored = now_ms();
    write_all(fd, &stored, sizeof stored);
  }
  std::_Exit(0);
}

int run(const std::string& directory, int rounds, double pause) {
  const int door = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  must(bind(door, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(door, 1) == 0, "listen");
  must(getsockname(door, reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) be_b(directory, at, rounds);
  const int fd = accept(door, nullptr, nullptr);
  must(fd >= 0, "accept");
  no_delay(fd);
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
  int status = 0;
  must(waitpid(child, &status, 0) == child && status == 0, "the other process");
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return gossip::bench::run(argv[1], std::atoi(argv[2]), std::atof(argv[3]));
}
