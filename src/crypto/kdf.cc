#include "crypto/kdf.h"

#include "crypto/openssl.h"
#include "crypto/raii.h"

namespace gossip::crypto {
namespace {

constexpr std::uint8_t kScrypt = 1;
constexpr std::uint8_t kLogN = 17, kMostLogN = 20, kR = 8, kP = 1, kMostP = 4;
constexpr std::size_t kSalt = 16;

struct Scrypt {
  std::uint64_t n = 0, r = 0, p = 0;
  View salt;
};

Result<Scrypt> decode(View kdf) {
  Reader in(kdf);
  if (kdf.empty() || in.u8() != kScrypt)
    return Refusal{"its key is made in a way this version does not know", "a later version made it; use that one"};
  const unsigned log_n = in.u8(), r = in.u8(), p = in.u8();
  const View salt = in.take(kSalt);
  if (!in.done()) return Refusal{"what says how its key is made has the wrong length", "put a backup in its place"};
  if (log_n < kLogN || log_n > kMostLogN || r != kR || p < kP || p > kMostP)
    return Refusal{"its key is made with scrypt by numbers that are out of bounds", "put a backup in its place"};
  return Scrypt{std::uint64_t{1} << log_n, r, p, salt};
}

}  // namespace

Bytes fresh_kdf() {
  Bytes out{kScrypt, kLogN, kR, kP};
  const auto salt = make_rng()->array<kSalt>();
  out.insert(out.end(), salt.begin(), salt.end());
  return out;
}

std::string kdf_words(View kdf) {
  const Result<Scrypt> scrypt = decode(kdf);
  if (!scrypt) return scrypt.refusal().what;
  return "scrypt, N " + std::to_string(scrypt->n) + ", r " + std::to_string(scrypt->r) + ", p " + std::to_string(scrypt->p);
}

Result<Secret32> derive_key(View passphrase, View kdf) {
  const Result<Scrypt> scrypt = decode(kdf);
  if (!scrypt) return scrypt.refusal();
  const std::uint64_t memory = 128 * scrypt->r * (scrypt->n + scrypt->p + 2);  // as OpenSSL counts
  Secret32 key;
  const bool made =
      EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(), scrypt->salt.data(), scrypt->salt.size(),
                      scrypt->n, scrypt->r, scrypt->p, memory, key.mut().data(), key.mut().size()) == 1;
  if (!made) throw std::bad_alloc();  // all else is in order
  return key;
}

}  // namespace gossip::crypto
