#include "db/sealed.h"

#include <algorithm>

#include "gossip/check.h"

namespace gossip::db {
namespace {

constexpr std::size_t kPort = 2, kHost = 256;  // what is sealed of an address: both, padded

Stored as_it_is(View bytes, bool text) { return {Bytes(bytes.begin(), bytes.end()), text}; }

// For a value that is not sealed; a blob where a text should be was sealed with a key nobody knows of any more.
[[noreturn]] void damaged(std::string_view column) {
  throw Error(Trouble::kDamaged, "the database is damaged: a value of " + std::string(column) + " has no form we know");
}

Bytes key_and_fp(std::int64_t key, const Hash& fp) {
  Bytes out;
  Writer(out).u64(static_cast<std::uint64_t>(key)).bytes(fp);
  return out;
}

}  // namespace

std::optional<Bytes> seal_mark(Database& db) {
  Statement row = db.prepare("SELECT v FROM meta WHERE k='seal'");
  if (!row.step()) return std::nullopt;
  const View mark = row.blob(0);
  return Bytes(mark.begin(), mark.end());
}

Columns::Columns(Database& db) : vault_(db.vault().get()) {
  const std::optional<Bytes> mark = seal_mark(db);
  if (!mark && !vault_) return;
  if (mark && !vault_)
    throw Error(Trouble::kLocked, "database " + db.file() + " is sealed with a passphrase",
                "GOSSIPD_PASSPHRASE_FILE or GOSSIPD_PASSPHRASE_FD says where it is");
  if (!mark || *mark != vault_->mark())
    throw Error(Trouble::kLocked, "the passphrase of " + db.file() + " was changed by another program", "try again with the new one");
}

Stored Columns::name(std::string_view column, std::int64_t row, std::string_view name) const {
  if (!vault_) return as_it_is(as_view(name), true);
  return {vault_->seal_text({column, row}, name)};
}

std::string Columns::name(std::string_view column, std::int64_t row, const Statement& from, int at) const {
  if (vault_) return vault_->open_text({column, row}, from.blob(at));
  if (!from.is_text(at)) damaged(column);
  return std::string(from.text(at));
}

std::string Columns::name_sql(std::string_view column, std::string_view row, std::string_view value) const {
  if (!vault_) return std::string(value);
  return "unsealed('" + std::string(column) + "', " + std::string(row) + ", " + std::string(value) + ")";
}

// A row of peer_address has two numbers.
Columns::Place Columns::address(std::int64_t peer, std::int64_t place, const Address& address) const {
  if (!vault_) return {as_it_is(as_view(address.host), true), address.port};
  GOSSIP_CHECK(address.host.size() <= kHost);
  Bytes plain, number;
  Writer(plain).u16(static_cast<std::uint16_t>(address.port)).bytes(as_view(address.host));
  plain.resize(kPort + kHost);
  Writer(number).u64(static_cast<std::uint64_t>(place));
  return {{vault_->seal({"peer_address.host", peer, number}, plain)}, 0};
}

Address Columns::address(std::int64_t peer, std::int64_t place, const Statement& from, int host, int port) const {
  if (!vault_) {
    if (!from.is_text(host)) damaged("peer_address.host");
    return {std::string(from.text(host)), static_cast<int>(from.integer(port))};
  }
  Bytes number;
  Writer(number).u64(static_cast<std::uint64_t>(place));
  const Bytes plain = vault_->open({"peer_address.host", peer, number}, from.blob(host));
  Reader in(plain);
  const int opened = in.u16();
  const std::string_view text = as_text(in.rest());
  return {std::string(text.substr(0, text.find('\0'))), opened};
}

Stored Columns::fp(std::string_view column, const Hash& fp) const {
  if (!vault_) return as_it_is(fp, false);
  return {vault_->seal_fp(column, fp)};
}

Hash Columns::fp(std::string_view column, const Statement& from, int at) const {
  Hash out{};
  if (from.null(at)) return out;
  if (vault_) return vault_->open_fp(column, from.blob(at));
  const View blob = from.blob(at);
  if (blob.size() == out.size()) std::copy(blob.begin(), blob.end(), out.begin());
  return out;
}

Stored Columns::private_key(std::int64_t row, const Hash& fp, View der) const {
  if (!vault_) return as_it_is(der, false);
  return {vault_->seal({"keys.private", row, fp}, der)};
}

Bytes Columns::private_key(std::int64_t row, const Hash& fp, const Statement& from, int at) const {
  const View blob = from.blob(at);
  if (!vault_) return {blob.begin(), blob.end()};
  return vault_->open({"keys.private", row, fp}, blob);
}

Stored Columns::pub(std::int64_t row, std::int64_t key, const Hash& fp, View der) const {
  if (!vault_) return as_it_is(der, false);
  return {vault_->seal({"peers.pub", row, key_and_fp(key, fp)}, der)};
}

Bytes Columns::pub(std::int64_t row, std::int64_t key, const Hash& fp, const Statement& from, int at) const {
  const View blob = from.blob(at);
  if (!vault_ || from.null(at)) return {blob.begin(), blob.end()};
  return vault_->open({"peers.pub", row, key_and_fp(key, fp)}, blob);
}

}  // namespace gossip::db
