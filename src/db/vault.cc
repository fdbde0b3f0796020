#include "db/vault.h"

#include "gossip/check.h"

namespace gossip::db {
namespace {

constexpr std::size_t kNonce = 12;

// Columns hold no NUL, and the row has a fixed size: no two places give the same bytes.
Bytes associated(const Place& place) {
  Bytes out;
  Writer(out).bytes(as_view("gossipd/1 at rest")).u8(0).bytes(as_view(place.column)).u8(0);
  Writer(out).u64(static_cast<std::uint64_t>(place.row)).bytes(place.beside);
  return out;
}

Secret32 subkey(Crypto& crypto, View key, std::string_view label) {
  Hash made = crypto.hmac(key, as_view(label));
  const Secret32 out{View(made)};
  wipe(made);
  return out;
}

}  // namespace

Vault::Vault(std::shared_ptr<Crypto> crypto, std::shared_ptr<Rng> rng, View key, Bytes mark)
    : crypto_(std::move(crypto)),
      rng_(std::move(rng)),
      rows_(subkey(*crypto_, key, "gossipd/1 at rest rows")),
      fps_(subkey(*crypto_, key, "gossipd/1 at rest fingerprints")),
      nonces_(subkey(*crypto_, key, "gossipd/1 at rest nonces")),
      mark_(std::move(mark)) {}

Bytes Vault::seal_with(View key, View nonce, const Place& place, View plain) {
  Bytes out(kAdds + plain.size());
  std::copy(nonce.begin(), nonce.end(), out.begin());
  crypto_->seal(key, nonce, associated(place), plain, MutView(out).subspan(kNonce));
  return out;
}

Bytes Vault::open_with(View key, const Place& place, View sealed) {
  if (sealed.size() >= kAdds) {
    Bytes out(sealed.size() - kAdds);
    if (crypto_->open(key, sealed.first(kNonce), associated(place), sealed.subspan(kNonce), out)) return out;
  }
  throw Error(Trouble::kDamaged, "the database is damaged: a sealed value of " + std::string(place.column) + " does not open");
}

Bytes Vault::seal(const Place& place, View plain) { return seal_with(rows_, rng_->array<kNonce>(), place, plain); }
Bytes Vault::open(const Place& place, View sealed) { return open_with(rows_, place, sealed); }

Bytes Vault::seal_text(const Place& place, std::string_view text) {
  GOSSIP_CHECK(text.size() <= kText && text.find('\0') == text.npos);
  Bytes padded(kText);
  std::copy(text.begin(), text.end(), padded.begin());
  return seal(place, padded);
}

std::string Vault::open_text(const Place& place, View sealed) {
  const Bytes padded = open(place, sealed);
  const std::string_view text = as_text(padded);
  return std::string(text.substr(0, text.find('\0')));
}

Bytes Vault::seal_fp(std::string_view column, const Hash& fp) {
  Bytes what = associated({column, 0, fp});
  const Hash nonce = crypto_->hmac(nonces_, what);
  return seal_with(fps_, View(nonce).first(kNonce), {column}, fp);
}

Hash Vault::open_fp(std::string_view column, View sealed) {
  const Bytes plain = open_with(fps_, {column}, sealed);
  Hash out{};
  if (plain.size() == out.size()) std::copy(plain.begin(), plain.end(), out.begin());
  return out;
}

}  // namespace gossip::db
