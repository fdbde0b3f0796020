#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "crypto/openssl.h"
#include "db/files.h"
#include "db/json.h"
#include "db/salvage.h"
#include "gossip/text.h"
#include "gossipc/key_check.h"
#include "gossipc/progress.h"
#include "gossipc/store.h"
#include "sys/error.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace gossip::client {
namespace {

void copy_file(const std::string& from, const std::string& to, const db::Progress& progress) {
  const sys::Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in) sys::fail("cannot open " + from);
  const sys::Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out) sys::fail("cannot open " + to);
  std::array<char, 65536> piece;
  for (ssize_t n; (n = ::read(in.get(), piece.data(), piece.size())) != 0; progress(0, 0)) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EIO) sys::fail("cannot read " + from);
    if (n < 0) {  // a bad place of the disk: nothing is there, and what follows stays where it was
      if (::lseek(in.get(), 4096, SEEK_CUR) < 0) sys::fail("cannot read " + from);
      n = 4096;
      std::fill_n(piece.begin(), n, '\0');
    }
    for (ssize_t done = 0, some = 0; done < n; done += some) {
      some = ::write(out.get(), piece.data() + done, static_cast<std::size_t>(n - done));
      if (some < 0 && errno != EINTR) sys::fail("cannot write " + to);
      some = std::max<ssize_t>(some, 0);
    }
  }
}

// SQLite works on a copy in the place of the damaged files.
db::Salvaged salvage(const std::string& path, const std::string& into, const db::Progress& progress) try {
  const db::Unfinished copy(into);
  for (const char* part : {"", "-wal", "-journal"})
    if (db::check_file(path + part) >= 0) copy_file(path + part, copy.path() + part, progress);
  return db::salvage(copy.path(), into, *crypto::make_crypto(), key_fits, progress);
} catch (const db::Error& error) {
  throw db::Error(error.trouble(), "cannot recover " + path + ": " + error.what(), error.hint());
}

// 0: it may be made, and nothing else is taken for a part of it.
int refuse_into(const std::string& into, const std::string& path) {
  if (into.empty() || into.ends_with('/')) return fail(kUsage, "--into needs the name of a file", "gossipc recover --into saved.db");
  db::check_directory(db::directory_of(into), false);
  for (const char* rest : {"", "-wal", "-shm", "-journal"}) {
    const std::string name = into + rest;
    struct stat facts {};
    if (::lstat(name.c_str(), &facts) == 0) return fail(kUsage, name + " is there already", "name another one with --into");
    if (db::is_part_of_store(name, path)) return fail(kUsage, name + " belongs to the database itself", "name another one with --into");
  }
  return 0;
}

// Nothing on a medium that is read only: no daemon can run there.
std::optional<sys::LockFile> take_lock(const std::string& path, bool& busy) try {
  std::string holder;
  auto lock = sys::LockFile::take(path + ".lock", holder);
  busy = !lock;
  return lock;
} catch (const sys::Error& error) {
  if (error.code() != EROFS && error.code() != EACCES) throw;
  return std::nullopt;
}

std::string counted(std::int64_t n, const char* what) { return n == 0 ? "" : ", " + std::to_string(n) + " " + what; }

void print_json(Call& call, const std::string& into, const db::Salvaged& out) {
  db::Database db = db::Database::in_memory();  // so that nothing is made beside the new one
  db::JsonObject object(db);
  object.text("into", into).integer("messages", out.kept).integer("whole", out.whole).integer("without_text", out.without_text);
  object.integer("unknown_deliverer", out.unknown_via).integer("wrong", out.wrong).integer("unreadable", out.textless);
  object.integer("lost", out.lost).boolean("end_unknown", out.tail_unknown).boolean("new_log", out.new_log);
  object.boolean("new_tables", out.new_tables).boolean("sealed", out.sealed).boolean("seal_lost", out.seal_lost);
  call.out.put(shown(object.take(), Show::kJson) + "\n");
  for (const db::SalvagedTable& one : out.tables) {
    object.text("table", one.name).integer("kept", one.kept).integer("refused", one.refused).integer("gaps", one.gaps);
    call.out.put(shown(object.take(), Show::kJson) + "\n");
  }
}

void print_words(Call& call, const db::Salvaged& out) {
  call.out.put("messages: " + std::to_string(out.kept) + " kept" + counted(out.without_text, "of them without a text, as before") +
               counted(out.unknown_via, "of them without knowing who delivered them") + "\n");
  call.out.put("messages hashed again: " + std::to_string(out.whole) + " right, " + std::to_string(out.wrong) + " wrong and not kept" +
               counted(out.textless, "unreadable") + counted(out.lost, "not there") +
               (out.tail_unknown ? ", and at the end nobody knows how many" : "") + "\n");
  for (const db::SalvagedTable& one : out.tables) {
    call.out.put(one.name + ": " + std::to_string(one.kept) + " kept" + counted(one.refused, "of a wrong form, or belonging to what is lost") +
                 counted(one.gaps, one.gaps == 1 ? "place unreadable" : "places unreadable") + "\n");
  }
}

void note_results(const std::string& path, const std::string& into, const db::Salvaged& out) {
  if (out.new_tables) note("the description of the tables was lost, and is taken to be as it was made");
  if (out.seal_lost) note("what says how names and keys were sealed is lost, and all that was sealed with it: make your friends anew");
  if (out.new_log) {
    note("the log is a new one: friends read it from the start, and we read theirs again; what they have of what was lost comes back");
  }
  if (out.kept == 0 && (out.new_log || out.new_tables)) note("no message could be saved: what friends hold comes back from them");
  note("saved into " + into + "; " + path + " is as it was");
  note("next: look at it with GOSSIPD_DB_PATH=" + into + " gossipc fsck --full");
  note("then gossipc restore " + into + "; " + path + " is kept beside, and gossipd goes on from there");
}

}  // namespace

int recover(Call& call) {
  const std::string& path = call.config.db_path;
  const std::string into = call.options.has(kInto) ? call.options.value(kInto) : path + ".recovered";
  db::check_directory(db::directory_of(path), false);
  if (db::check_file(path) < 0) return fail(kNoSuch, "no database at " + path, "GOSSIPD_DB_PATH says where it is");
  if (const int code = refuse_into(into, path)) return code;
  bool busy = false;
  const auto lock = take_lock(path, busy);
  if (busy) return fail(kBusy, "gossipd runs on " + path, "stop it first");
  db::Salvaged out;
  try {
    ProgressLine line(call.quiet());
    out = salvage(path, into, [&](std::int64_t done, std::int64_t all) { line.show(done, all); });
  } catch (const Interrupted& interrupted) {
    note("gossipc: interrupted; nothing was saved");
    return 128 + interrupted.signal;
  }
  call.options.has(kJson) ? print_json(call, into, out) : print_words(call, out);
  if (const int code = put_out(call, "what could be saved is in " + into + " all the same")) return code;
  if (!call.quiet()) note_results(path, into, out);
  return kDone;
}

}  // namespace gossip::client
