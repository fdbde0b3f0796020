#include <unistd.h>

#include "crypto/kdf.h"
#include "gossipc/store.h"
#include "sys/files.h"

namespace gossip::client {
namespace {

int describe(Call& call) {
  db::Database db = open_as_it_is(call, false);
  const std::optional<Bytes> kdf = db::seal_kdf(db);
  call.out.put(kdf ? "sealed with a passphrase (" + crypto::kdf_words(*kdf) + ")\n" : "not sealed\n");
  return kdf ? kDone : kNothing;
}

void note_done(bool removed) {
  if (removed) {
    note("names, addresses and keys lie open in the database from now on; unset GOSSIPD_PASSPHRASE_FILE and GOSSIPD_PASSPHRASE_FD");
    return;
  }
  note("sealed; both programs need it from now on: GOSSIPD_PASSPHRASE_FILE or GOSSIPD_PASSPHRASE_FD says where it is");
  note("nobody can open the database without it, and copies made before are as they were");
}

}  // namespace

int passphrase(Call& call) {
  const bool remove = call.options.has(kRemove), change = call.options.has(kNewFile);
  if (remove && change) return fail(kUsage, "--remove with --new-file", "one of them");
  if (!remove && !change) return describe(call);
  const std::string& path = call.options.value(kNewFile);
  if (path == "-" && ::isatty(0) == 1) return fail(kUsage, "the passphrase would show on the terminal", "put it into a file, or pipe it");
  Passphrase fresh;
  if (change) {
    Result<SecretBytes> read = config::read_passphrase_file("--new-file", path);
    const bool there = path == "-" || ::access(path.c_str(), R_OK) == 0;
    if (!read) return fail(there ? kUsage : kNoSuch, read.refusal());
    fresh = std::move(*read);
  }
  const Passphrase present = read_passphrase(call);
  db::Database db = open_as_it_is(call, true);
  std::string holder;
  const auto lock = sys::LockFile::take(call.config.db_path + ".lock", holder);
  if (!lock) return fail(kBusy, "gossipd runs on " + call.config.db_path, "stop it first; it holds the key that would change");
  const bool sealed = db::seal_kdf(db).has_value();
  if (remove && !sealed) {
    if (!call.quiet()) note("not sealed; nothing changed");
    return kDone;
  }
  if (sealed) db::unlock(db, key_maker(present), false);
  db::reseal(db, key_maker(fresh));
  if (!call.quiet()) note_done(remove);
  return kDone;
}

}  // namespace gossip::client
