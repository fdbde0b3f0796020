#include "db/backup.h"

#include <sys/stat.h>

#include "db/files.h"
#include "db/schema.h"
#include "gossipc/progress.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"
#include "sys/files.h"

namespace gossip::client {
namespace {

bool look(const std::string& path, struct stat& facts) { return ::lstat(path.c_str(), &facts) == 0; }

// Of this version, or a newer one.
bool is_store(const std::string& file) try {
  db::check_header(file);
  return true;
} catch (const db::Error& error) { return error.trouble() == db::Trouble::kNewer; }

// 0: it may be written.
int refuse_target(const Call& call, const std::string& file) {
  struct stat facts {};
  const std::string directory = sys::directory_of(file);
  if (!look(directory + "/", facts)) return fail(kNoSuch, "no directory " + directory, "make it first");
  if (db::is_part_of_store(file, call.config.db_path)) return fail(kUsage, file + " belongs to the database itself", "name another file");
  for (const char* rest : {"-wal", "-shm", "-journal"})
    if (look(file + rest, facts)) return fail(kUsage, file + rest + " would be taken for a part of it", "name another file");
  if (!look(file, facts)) return 0;
  if (S_ISDIR(facts.st_mode)) return fail(kUsage, file + " is a directory", "name a file in it");
  if (!S_ISREG(facts.st_mode)) return fail(kUsage, file + " is no regular file", "name another file");
  if (!call.options.has(kReplace)) return fail(kUsage, "there is a file " + file + " already", "--replace puts the new one in its place");
  return is_store(file) ? 0 : fail(kUsage, file + " is no backup, and is not replaced", "name another file, or remove this one");
}

template <class Copy>
int copy(Call& call, Copy make) try {
  ProgressLine line(call.quiet());
  make([&](std::int64_t done, std::int64_t all) { line.show(done, all); });
  return kDone;
} catch (const Interrupted& interrupted) {
  note("gossipc: interrupted; nothing was changed");
  return 128 + interrupted.signal;
}

std::string counted(const db::Copied& copied) {
  return std::to_string(copied.messages) + (copied.messages == 1 ? " message, " : " messages, ") + std::to_string(copied.bytes) + " bytes";
}

// In UTC, to the second.
std::string kept_name(const std::string& db_path) {
  std::string now = format_utc(sys::wall_ms());
  for (char& c : now) c = c == ' ' ? 'T' : c;
  std::erase_if(now, [](char c) { return c == '-' || c == ':'; });
  return db::free_name(db_path + ".before-restore-" + now);
}

using Seal = std::optional<Bytes>;  // how the key is made; none: not sealed

// Nothing where it cannot be read.
std::optional<Seal> seal_at(const std::string& path) try {
  db::Database db = db::open_store(path, {.create = false, .write = false});
  return db::seal_kdf(db);
} catch (const db::Error&) {
  return std::nullopt;
}

void note_seal(const std::optional<Seal>& before, const std::optional<Seal>& after) {
  if (!before || !after || *before == *after) return;
  if (!*after) return note("it is not sealed, as the database was: gossipc passphrase --new-file FILE seals it");
  note(std::string("it is sealed, and the database was ") + (*before ? "with another passphrase" : "not") +
       ": the passphrase is that of the time of the copy");
}

void note_restored(const db::Copied& copied, const std::string& kept, bool had_one) {
  note("restored: " + counted(copied));
  if (had_one) note("the database there was is kept as " + kept + "; it holds private keys too: delete it when all is well");
  note("start gossipd: friends see it at their next session, read again what may have changed, and lose nothing");
  note("what was heard or said since the copy comes back from friends who hold it, your own messages as delivered by them");
  note("friends and keys are those of then: who was added since is not here, and a key replaced since is the old one");
}

}  // namespace

int backup(Call& call) {
  const std::string& file = call.options.value(kFile);
  if (file.empty()) return fail(kUsage, "backup needs a file to write", "gossipc backup gossipd.backup");
  db::Database db = open_as_it_is(call, false);
  if (const int code = refuse_target(call, file)) return code;
  db::Copied copied;
  const int code = copy(call, [&](const db::Progress& progress) {
    copied = db::copy_store(db, file, progress, call.options.has(kReplace));
  });
  if (code != kDone || call.quiet()) return code;
  note("backed up and checked: " + counted(copied));
  note(std::string("it holds private keys, ") + (db::seal_kdf(db) ? "sealed with the passphrase of now" : "and they are not sealed") +
       ": keep it as safe as the database");
  return code;
}

int restore(Call& call) {
  const std::string& file = call.options.value(kFile);
  const std::string& path = call.config.db_path;
  if (file.empty()) return fail(kUsage, "restore needs a file that gossipc backup made", "gossipc restore gossipd.backup");
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return fail(kNoSuch, "no file " + file);
  if (!S_ISREG(facts.st_mode)) return fail(kUsage, file + " is not a regular file");
  if (db::is_part_of_store(file, path)) return fail(kUsage, file + " belongs to the database itself", "name a copy of it");
  try {
    db::check_header(file);
  } catch (const db::Error& error) {
    const bool other = error.trouble() == db::Trouble::kDamaged || error.trouble() == db::Trouble::kNotOurs;
    throw db::Error(error.trouble(), error.what(), other ? "name a file that gossipc backup made" : error.hint());
  }
  db::check_directory(db::directory_of(path), true);
  std::string holder;
  const auto lock = sys::LockFile::take(path + ".lock", holder);
  if (!lock) return fail(kBusy, "gossipd runs on " + path, "stop it first");
  const bool had_one = look(path, facts);
  const std::string kept = kept_name(path);
  const std::optional<Seal> before = seal_at(path);
  db::Copied copied;
  const int code = copy(call, [&](const db::Progress& progress) { copied = db::restore_store(file, path, kept, progress); });
  if (code != kDone || call.quiet()) return code;
  note_restored(copied, kept, had_one);
  note_seal(before, seal_at(path));
  return code;
}

}  // namespace gossip::client
