// A private folder per test, messages to store, and child processes.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "db/log.h"
#include "db/peers.h"
#include "db/schema.h"
#include "gossip/chain.h"
#include "gossip/message.h"
#include "support/folder.h"
#include "support/toy_crypto.h"

namespace gossip::db::test {

inline std::int64_t fixed_clock() { return 1'700'000'000'000; }

class Scratch : public ::testing::Test {
 protected:
  Database open() const { return open_store(path_, {}); }
  gossip::test::Folder folder_{gossip::test::Folder::On::kMemory};
  std::string dir_ = folder_.path(), path_ = folder_ / "gossipd.db";
  gossip::test::ToyCrypto crypto_;
};

inline Message hearsay(std::string text, std::string sender = "alice", std::uint64_t day = 19'000) {
  Message out;
  out.created = created_at(static_cast<std::int64_t>(day) * 86'400'000, 0);
  out.sender = std::move(sender);
  out.text = std::move(text);
  return out;
}

inline Incoming incoming(Crypto& crypto, const Message& message, PeerId via = 0) {
  Bytes bytes = encode_message(message);
  return {message_id(crypto, bytes), epoch_of(message.created), via, bytes};
}

inline Hash filled(std::uint8_t with) {
  Hash out;
  out.fill(with);
  return out;
}

inline std::int64_t number(Database& db, const std::string& sql) {
  Statement row = db.prepare(sql);
  return row.step() ? row.integer(0) : -1;
}

inline std::string words(Database& db, const std::string& sql) {
  Statement row = db.prepare(sql);
  return row.step() ? std::string(row.text(0)) : "no row";
}

inline mode_t mode_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
}

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& what, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary) << what;
  ::chmod(path.c_str(), mode);
}

// What kind of trouble `run` throws; fails when it throws none.
inline Trouble trouble_in(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()), "");
    return error.trouble();
  }
  ADD_FAILURE() << "no error";
  return Trouble::kOther;
}

// A child process that runs `body` and leaves with its result. REQUIRES no open database in this process.
inline pid_t spawn(const std::function<int()>& body) {
  pid_t child = ::fork();
  if (child != 0) return child;
  int code = 99;
  try {
    code = body();
  } catch (const std::exception& error) { std::fprintf(stderr, "child: %s\n", error.what()); }
  ::_exit(code);
}

inline int exit_code(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gossip::db::test
