// Columns: how names, addresses, fingerprints and keys lie in their rows, as they are or sealed. Private to the floor: whoever
// reads or writes one of these columns does it through here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "db/peers.h"
#include "db/vault.h"

namespace gossip::db {

// A value as it is put into a row. REQUIRES to outlive the statement's next reset.
struct Stored {
  Bytes bytes;
  bool text = false;
};
inline Statement& put(Statement& statement, int i, const Stored& value) {
  return value.text ? statement.bind(i, as_text(value.bytes)) : statement.bind(i, View(value.bytes));
}

class Columns {
 public:
  // Those of this moment. Throws Error(kLocked) where the store is sealed and `db` cannot open it, or not any more.
  explicit Columns(Database& db);
  explicit Columns(Vault* vault) : vault_(vault) {}  // null: as they are
  bool sealed() const { return vault_ != nullptr; }

  Stored name(std::string_view column, std::int64_t row, std::string_view name) const;
  std::string name(std::string_view column, std::int64_t row, const Statement& from, int at) const;
  std::string name_sql(std::string_view column, std::string_view row, std::string_view value) const;  // an expression

  struct Place {
    Stored host;
    std::int64_t port = 0;
  };
  Place address(std::int64_t peer, std::int64_t place, const Address& address) const;
  Address address(std::int64_t peer, std::int64_t place, const Statement& from, int host, int port) const;

  Stored fp(std::string_view column, const Hash& fp) const;
  Hash fp(std::string_view column, const Statement& from, int at) const;  // zeros for NULL

  // A private key goes with the fingerprint it lies beside, a friend's key with its own and with the row of our key for them.
  Stored private_key(std::int64_t row, const Hash& fp, View der) const;
  Bytes private_key(std::int64_t row, const Hash& fp, const Statement& from, int at) const;
  Stored pub(std::int64_t row, std::int64_t key, const Hash& fp, View der) const;
  Bytes pub(std::int64_t row, std::int64_t key, const Hash& fp, const Statement& from, int at) const;

 private:
  Vault* vault_;
};

std::optional<Bytes> seal_mark(Database& db);  // what meta keeps of how the key is made; none: not sealed

}  // namespace gossip::db
