// The machine's own floor under a bulk catch-up: one process reads rows from SQLite, seals them in blocks of 16 KiB (ChaCha20-Poly1305)
// and writes them to TCP on loopback as fast as they are taken; the other opens the blocks and stores the rows, so many in one
// transaction with synchronous=FULL, in tables as gossipd needs them at least: an order, a unique index on a random id, the text. No
// request, no answer, no hashing, no bookkeeping. SQLite's own checkpoints, a page cache as large as gossipd's.
// With "tuned" it sets SQLite as gossipd does: no mutex, no count of memory, checkpoints at 16 MiB.
//   bench-floor_bulk DIRECTORY MESSAGES ROWS_PER_COMMIT [tuned]   prints ms from the connection to the last COMMIT, and bytes on the disk
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bench/wire.h"

namespace gossip::bench {
namespace {

struct Row {
  std::int64_t epoch;
  std::array<std::uint8_t, 32> id;
  std::array<std::uint8_t, 29> head;
  std::array<char, 3> sender;
  std::array<char, 200> text;
};

constexpr std::size_t kBlock = 16 * 1024, kRowsInBlock = kBlock / sizeof(Row), kTag = 16;
using Rows = std::array<Row, kRowsInBlock>;

class Store {
 public:
  Store(const std::string& path, bool tuned)
      : db_(open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | (tuned ? SQLITE_OPEN_NOMUTEX : 0))) {
    if (tuned) run("PRAGMA wal_autocheckpoint=4096");
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;"
        "CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL, epoch INTEGER NOT NULL, id BLOB NOT NULL,"
        " via INTEGER NOT NULL, heard_ms INTEGER NOT NULL, size INTEGER NOT NULL, UNIQUE(scope, epoch, id));"
        "CREATE TABLE IF NOT EXISTS body(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, sender TEXT, text TEXT)");
    add_row_ = prepare(db_, "INSERT INTO log(scope, epoch, id, via, heard_ms, size) VALUES(0, ?, ?, 1, ?, 237)");
    add_body_ = prepare(db_, "INSERT INTO body(seq, head, sender, text) VALUES(?, ?, ?, ?)");
    read_ = prepare(db_, "SELECT epoch, id, head, sender, text FROM log JOIN body USING(seq) ORDER BY seq");
  }
  ~Store() {
    for (sqlite3_stmt* one : {add_row_, add_body_, read_}) sqlite3_finalize(one);
    sqlite3_close(db_);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void run(const char* sql) { must(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }
  void add(const Row& row) {
    sqlite3_bind_int64(add_row_, 1, row.epoch);
    blob(add_row_, 2, row.id);
    sqlite3_bind_int64(add_row_, 3, 1'700'000'000'000);
    step(add_row_);
    sqlite3_bind_int64(add_body_, 1, sqlite3_last_insert_rowid(db_));
    blob(add_body_, 2, row.head);
    sqlite3_bind_text(add_body_, 3, row.sender.data(), static_cast<int>(row.sender.size()), SQLITE_STATIC);
    sqlite3_bind_text(add_body_, 4, row.text.data(), static_cast<int>(row.text.size()), SQLITE_STATIC);
    step(add_body_);
  }
  bool next(Row& row) {
    const int got = sqlite3_step(read_);
    must(got == SQLITE_ROW || got == SQLITE_DONE, "step");
    if (got == SQLITE_DONE) return false;
    row.epoch = sqlite3_column_int64(read_, 0);
    copy(row.id, 1);
    copy(row.head, 2);
    copy(row.sender, 3);
    copy(row.text, 4);
    return true;
  }

 private:
  void blob(sqlite3_stmt* to, int at, const auto& bytes) {
    sqlite3_bind_blob(to, at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  void copy(auto& to, int column) { std::memcpy(to.data(), sqlite3_column_blob(read_, column), to.size()); }
  void step(sqlite3_stmt* statement) {
    must(sqlite3_step(statement) == SQLITE_DONE, "step");
    sqlite3_reset(statement);
  }
  sqlite3* db_;
  sqlite3_stmt *add_row_ = nullptr, *add_body_ = nullptr, *read_ = nullptr;
};

class Aead {
 public:
  void seal(void* data, std::size_t size, std::uint8_t* tag) {
    begin(1);
    int n = 0;
    auto* bytes = static_cast<std::uint8_t*>(data);
    must(EVP_EncryptUpdate(ctx_, bytes, &n, bytes, static_cast<int>(size)) == 1 && EVP_EncryptFinal_ex(ctx_, bytes + n, &n) == 1, "seal");
    must(EVP_CIPHER_CTX_ctrl(ctx_, EVP_CTRL_AEAD_GET_TAG, kTag, tag) == 1, "tag");
  }
  void open(void* data, std::size_t size, std::uint8_t* tag) {
    begin(0);
    int n = 0;
    auto* bytes = static_cast<std::uint8_t*>(data);
    must(EVP_CIPHER_CTX_ctrl(ctx_, EVP_CTRL_AEAD_SET_TAG, kTag, tag) == 1, "tag");
    must(EVP_DecryptUpdate(ctx_, bytes, &n, bytes, static_cast<int>(size)) == 1 && EVP_DecryptFinal_ex(ctx_, bytes + n, &n) == 1, "open");
  }

 private:
  void begin(int seals) {
    std::array<std::uint8_t, 12> nonce{};
    std::memcpy(nonce.data(), &number_, sizeof number_);
    ++number_;
    must(EVP_CipherInit_ex(ctx_, number_ == 1 ? EVP_chacha20_poly1305() : nullptr, nullptr, key_.data(), nonce.data(), seals) == 1, "init");
  }
  EVP_CIPHER_CTX* ctx_ = EVP_CIPHER_CTX_new();
  std::array<std::uint8_t, 32> key_{};
  std::uint64_t number_ = 0;
};

void fill(const std::string& path, int messages) {
  Store store(path, false);
  store.run("BEGIN IMMEDIATE");
  Row row{};
  row.epoch = 19'700;
  row.head.fill(1);
  row.sender = {'a', 'n', 'n'};
  row.text.fill('x');
  for (int i = 0; i < messages; ++i) {
    must(RAND_bytes(row.id.data(), static_cast<int>(row.id.size())) == 1, "RAND_bytes");
    store.add(row);
  }
  store.run("COMMIT");
}

void serve(const std::string& path, bool tuned, int fd) {
  Store store(path, tuned);
  Aead aead;
  std::vector<std::uint8_t> block(sizeof(Rows) + kTag);
  auto& rows = *reinterpret_cast<Rows*>(block.data());
  for (bool more = true; more;) {
    std::size_t n = 0;
    while (n < rows.size() && (more = store.next(rows[n]))) ++n;
    aead.seal(block.data(), sizeof(Rows), block.data() + sizeof(Rows));
    write_all(fd, block.data(), block.size());
  }
}

int run(const std::string& directory, int messages, int per_commit, bool tuned) {
  if (tuned) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  fill(directory + "/a.db", messages);
  pid_t child = 0;
  const int fd = fork_with([&](int theirs) { serve(directory + "/a.db", tuned, theirs); }, child);
  Store store(directory + "/b.db", tuned);
  Aead aead;
  std::vector<std::uint8_t> block(sizeof(Rows) + kTag);
  const double begin = now_ms();
  store.run("BEGIN IMMEDIATE");
  for (int done = 0; done < messages;) {
    read_all(fd, block.data(), block.size());
    aead.open(block.data(), sizeof(Rows), block.data() + sizeof(Rows));
    const auto& rows = *reinterpret_cast<const Rows*>(block.data());
    for (std::size_t i = 0; i < rows.size() && done < messages; ++i) {
      store.add(rows[i]);
      if (++done % per_commit == 0 && done < messages) store.run("COMMIT; BEGIN IMMEDIATE");
    }
  }
  store.run("COMMIT");
  const double end = now_ms();
  struct stat there{};
  must(stat((directory + "/b.db").c_str(), &there) == 0, "stat");
  std::printf("%.3f %lld\n", end - begin, static_cast<long long>(there.st_size));
  close(fd);
  wait_for(child);
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 4 && !(argc == 5 && std::string(argv[4]) == "tuned")) return 2;
  return gossip::bench::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), argc == 5);
}
