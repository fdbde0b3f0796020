// What the measuring programs share: a clock, an end with words, and SQLite opened as the daemons open it.
#pragma once

#include <poll.h>
#include <sqlite3.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace gossip::bench {

// Monotonic, and the same in every process of the machine.
inline double now_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// Of processor, in this process.
inline double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

inline void pause_ms(double ms) {
  const auto ns = static_cast<long>(ms * 1e6);
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  ppoll(nullptr, 0, &t, nullptr);
}

inline void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(1);
}

inline sqlite3* open_database(const std::string& path, int flags) {
  sqlite3* db = nullptr;
  must(sqlite3_open_v2(path.c_str(), &db, flags, nullptr) == SQLITE_OK, path.c_str());
  sqlite3_busy_timeout(db, 5000);
  return db;
}

inline sqlite3_stmt* prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  must(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK, sql);
  return statement;
}

}  // namespace gossip::bench
