// What becomes of secrets: the key from a passphrase, private keys in memory, and what is left of them there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <new>

#include "crypto/kdf.h"
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "crypto/raii.h"
#include "gossip/secret.h"

namespace gossip::test {
namespace {

const bool kProtected = crypto::protect_private_keys();  // before any test has used OpenSSL

// --- the key from a passphrase

Bytes kdf(std::uint8_t algorithm, std::uint8_t log_n, std::uint8_t r, std::uint8_t p, std::size_t salt = 16) {
  Bytes out{algorithm, log_n, r, p};
  out.resize(4 + salt, 0x5a);
  return out;
}

TEST(Kdf, FollowsFromPassphraseAndSaltAlone) {
  const Bytes fresh = crypto::fresh_kdf(), other = crypto::fresh_kdf();
  EXPECT_EQ(fresh.size(), crypto::kKdfSize);
  EXPECT_NE(fresh, other);
  EXPECT_EQ(crypto::kdf_words(fresh), "scrypt, N 131072, r 8, p 1");
  const auto one = crypto::derive_key(as_view("correct horse"), fresh), again = crypto::derive_key(as_view("correct horse"), fresh);
  const auto wrong = crypto::derive_key(as_view("correct horsf"), fresh), salted = crypto::derive_key(as_view("correct horse"), other);
  ASSERT_TRUE(one.ok() && again.ok() && wrong.ok() && salted.ok());
  EXPECT_EQ(to_hex(*one), to_hex(*again));
  EXPECT_NE(to_hex(*one), to_hex(*wrong));
  EXPECT_NE(to_hex(*one), to_hex(*salted));
}

// Made with Python's hashlib.scrypt(b"correct horse", salt=b"\x5a" * 16, n=1 << 17, r=8, p=1, maxmem=1 << 28, dklen=32).
TEST(Kdf, IsScrypt) {
  const auto key = crypto::derive_key(as_view("correct horse"), kdf(1, 17, 8, 1));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(to_hex(*key), "207d6851c054843c8bfb304201b60c7824388514da389f99130cc9144c43a8c8");
}

// A file somebody prepared: refused before anything is reckoned, so this test takes no time and no memory.
TEST(Kdf, AnythingElseIsRefusedBeforeAnyWork) {
  const Bytes rows[] = {{}, {1}, kdf(0, 17, 8, 1), kdf(2, 17, 8, 1), kdf(255, 17, 8, 1), kdf(1, 16, 8, 1), kdf(1, 1, 8, 1), kdf(1, 0, 8, 1),
                        kdf(1, 21, 8, 1), kdf(1, 29, 8, 1), kdf(1, 63, 8, 1), kdf(1, 64, 8, 1), kdf(1, 255, 255, 255), kdf(1, 17, 1, 1),
                        kdf(1, 17, 9, 1), kdf(1, 17, 255, 1), kdf(1, 17, 8, 0), kdf(1, 17, 8, 5), kdf(1, 17, 8, 255), kdf(1, 17, 8, 1, 0),
                        kdf(1, 17, 8, 1, 15), kdf(1, 17, 8, 1, 17), kdf(1, 17, 8, 1, 4000)};
  for (const Bytes& row : rows) {
    const auto key = crypto::derive_key(as_view("x"), row);
    ASSERT_FALSE(key.ok()) << to_hex(row).substr(0, 80);
    EXPECT_NE(key.refusal().hint, "");
  }
  EXPECT_NE(crypto::derive_key(as_view("x"), kdf(2, 17, 8, 1)).refusal().what.find("does not know"), std::string::npos);
}

// --- memory

// Bytes that are kept masked, so that a search for them does not find them here.
class Needle {
 public:
  explicit Needle(View from) {
    for (std::size_t i = 0; i < kSize; ++i) masked_[i] = static_cast<std::uint8_t>(from[i] ^ kMask);
  }
  bool in(View bytes) const {
    for (std::size_t at = 0; at + kSize <= bytes.size(); ++at) {
      const void* next = std::memchr(bytes.data() + at, masked_[0] ^ kMask, bytes.size() - at);
      if (!next) return false;
      at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(next) - bytes.data());
      std::size_t same = 0;
      while (same < kSize && at + same < bytes.size() && bytes[at + same] == (masked_[same] ^ kMask)) ++same;
      if (same == kSize) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kSize = 24;
  static constexpr std::uint8_t kMask = 0xa7;
  std::array<std::uint8_t, kSize> masked_;
};

// In all memory of this process that can be written to, OpenSSL's own included.
bool in_memory(const Needle& needle) {
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  std::ifstream maps("/proc/self/maps");
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0, to = 0;
    char modes[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, modes) != 3 || std::strncmp(modes, "rw", 2) != 0) continue;
    if (to - from > (256ul << 20)) continue;  // a sanitizer's shadow
    Bytes piece(to - from);
    const ssize_t n = ::pread(memory, piece.data(), piece.size(), static_cast<off_t>(from));
    found = found || (n > 0 && needle.in(View(piece).first(static_cast<std::size_t>(n))));
    wipe(piece);
  }
  ::close(memory);
  return found;
}

struct Needles {
  Needle der, limbs;  // of a prime: as it is stored, and as the arithmetic has it
};

Needles needles_of(View der) {
  const std::uint8_t* at = der.data();
  crypto::Pkcs8Ptr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  crypto::PkeyPtr key(EVP_PKCS82PKEY(info.get()));
  BIGNUM* prime = nullptr;
  EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, &prime);
  Bytes big(static_cast<std::size_t>(BN_num_bytes(prime))), little(big.size());
  BN_bn2bin(prime, big.data());
  BN_bn2lebinpad(prime, little.data(), static_cast<int>(little.size()));
  BN_clear_free(prime);
  const Needles out{Needle(View(big).subspan(16)), Needle(View(little).subspan(16))};
  wipe(big);
  wipe(little);
  return out;
}

TEST(Secrets, ThePrivateKeyIsInTheSecureHeapAndNothingOfItStaysBehind) {
  (void)kProtected;  // whether it is locked is the system's affair
  ASSERT_EQ(CRYPTO_secure_malloc_initialized(), 1);
  crypto::NewKey made = crypto::make_key(2048);
  const Needles needles = needles_of(made.private_der);
  EXPECT_TRUE(in_memory(needles.der)) << "else this test could not fail";
  const std::size_t before = CRYPTO_secure_used();
  {
    const auto key = crypto::load_private(made.private_der);
    const auto pub = crypto::public_half(made.private_der);
    EXPECT_GE(CRYPTO_secure_used(), before + 128 * 7) << "d and the five numbers of the primes";
    EXPECT_TRUE(in_memory(needles.limbs));
    Bytes sealed(pub->size());
    const Hash secret{1, 2, 3}, label{};
    pub->encrypt(secret, label, sealed);
    Hash opened{};
    key->decrypt(sealed, label, Hash{}, opened);
    EXPECT_EQ(opened, secret);
    crypto::public_pem(made.private_der);
  }
  EXPECT_LT(CRYPTO_secure_used(), before + 512) << "OpenSSL's own generator may have come; a key takes more";
  wipe(made.private_der);
  EXPECT_FALSE(in_memory(needles.der));
  EXPECT_FALSE(in_memory(needles.limbs));
}

TEST(Secrets, TheHeapHasRoomForAllFriends) {
  const crypto::NewKey made = crypto::make_key(3072);
  const std::size_t before = CRYPTO_secure_used();
  std::vector<std::shared_ptr<const PrivateKey>> keys;
  for (int i = 0; i < 512; ++i) keys.push_back(crypto::load_private(made.private_der));
  const std::size_t each = (CRYPTO_secure_used() - before) / keys.size();
  EXPECT_LT(2 * each, 8192u) << "of 4096 bits, each number may need twice the room; 4 MiB for 512";
}

TEST(Secrets, TheOnesOfOurOwnAreWipedToo) {
  const Hash random = crypto::make_rng()->array<32>();
  const Needle needle(random);
  alignas(Secret32) unsigned char place[sizeof(Secret32)];
  Secret32* secret = new (place) Secret32{View(random)};
  secret->~Secret32();
  __asm__ __volatile__("" : : "r"(place) : "memory");
  EXPECT_FALSE(needle.in(View(place, sizeof place)));
  {
    SecretBytes first(Bytes(random.begin(), random.end()));
    SecretBytes second(std::move(first));
    EXPECT_TRUE(first.view().empty());
    EXPECT_TRUE(needle.in(second));
    first = std::move(second);
    EXPECT_TRUE(needle.in(first));
  }
}

}  // namespace
}  // namespace gossip::test
