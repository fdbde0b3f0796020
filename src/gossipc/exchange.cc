#include "gossipc/exchange.h"

#include <fcntl.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/pair.h"
#include "gossip/secret.h"
#include "gossipc/lines.h"
#include "sys/error.h"
#include "sys/fd.h"

namespace gossip::client {

void print_exchange_key(Call& call, db::Database& db, const db::Peer& peer) {
  std::optional<Bytes> der = db::private_key(db, peer.our_key());
  if (!der) {
    throw db::Error(db::Trouble::kBusy, quoted(peer.name) + " was deleted or replaced by another program just now",
                    "gossipc peers lists who is there");
  }
  std::string pem;
  try {
    pem = crypto::public_pem(*der);
  } catch (const std::runtime_error&) {
    wipe(*der);
    throw db::Error(db::Trouble::kDamaged, "the key for " + quoted(peer.name) + " cannot be read; the database is damaged");
  }
  wipe(*der);
  call.out.put("Exchange key:\n" + pem);
}

std::optional<std::string> pair_code_of(const db::Peer& peer) {
  if (!peer.has_their_key()) return std::nullopt;
  return pair_code(*crypto::make_crypto(), peer.our_fp(), peer.pub_fp);
}

void note_pair_code(const Call& call, const db::Peer& peer) {
  const std::optional<std::string> code = pair_code_of(peer);
  if (!code) return;
  note("pair code with " + peer.name + ": " + *code);
  if (!call.quiet()) note("read it to each other: when both see the same, the keys are the right ones");
}

std::string read_key_file(const std::string& path) {
  if (path == "-") return read_all(0, crypto::kMaxKeyText);
  const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) sys::fail("cannot open " + path);
  return read_all(file.get(), crypto::kMaxKeyText, path);
}

}  // namespace gossip::client
