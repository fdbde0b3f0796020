// The strict import of a friend's public key. Rationale: what is accepted here enters the pair's secrets by its fingerprint, so
// one key must have one form, and nothing that the other side could have chosen to weaken the pair.
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "crypto/raii.h"
#include "gossip/pair.h"

namespace gossip::crypto {
namespace {

using BigPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr const char* kHintPrinted = "it is what add-peer printed at your friend's, from the BEGIN PUBLIC KEY line to the END line";
constexpr const char* kHintForm = "your friend can print it again with show-key; or: openssl pkey -pubin -in FILE -pubout";

// The one block we would look into, by the BEGIN lines; or why there is none.
Result<std::string_view> find_block(std::string_view text) {
  if (text.size() > kMaxKeyText)
    return Refusal{"the text is " + std::to_string(text.size()) + " bytes long, more than " + std::to_string(kMaxKeyText),
                   kHintPrinted};
  std::size_t blocks = 0;
  std::string_view kind, block;
  for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
    if (!text.substr(at).starts_with(kBegin)) continue;
    if (++blocks > 1) continue;
    block = text.substr(at);
    kind = block.substr(kBegin.size(), block.find_first_of("-\r\n", kBegin.size()) - kBegin.size());
  }
  if (blocks == 0) {
    const bool inside = text.find(kBegin) != std::string_view::npos;  // quoted in a mail, or indented
    return Refusal{"no public key found in the text", inside ? "the BEGIN line must start its line" : kHintPrinted};
  }
  if (blocks > 1) return Refusal{"more than one PEM block in the text", "leave only the one of this friend"};
  if (kind.find("PRIVATE KEY") != std::string_view::npos)
    return Refusal{"this is a private key, not a public one", "a private key is given to nobody; if it was, replace the pair"};
  if (kind == "RSA PUBLIC KEY")
    return Refusal{"the key is in PKCS#1 form (BEGIN RSA PUBLIC KEY)",
                   "convert it: openssl rsa -RSAPublicKey_in -in FILE -pubout"};
  if (kind != "PUBLIC KEY") return Refusal{"the PEM block is not a public key (BEGIN PUBLIC KEY)", kHintPrinted};
  block = block.substr(0, block.find('\n', std::min(block.find("\n-----END "), block.size() - 1) + 1));
  if (block.size() > kMaxPem)
    return Refusal{"the PEM block is " + std::to_string(block.size()) + " bytes long, more than " + std::to_string(kMaxPem),
                   kHintPrinted};
  return block;
}

// The DER inside the block; empty when OpenSSL cannot read it, or it has headers.
Bytes decode_pem(std::string_view pem) {
  const auto bio = own<BioPtr>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), "BIO_new_mem_buf");
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  Bytes der;
  if (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    if (std::string_view(name) == "PUBLIC KEY" && *header == '\0') der.assign(data, data + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  ERR_clear_error();
  return der;
}

BigPtr number(const EVP_PKEY* key, const char* which) {
  BIGNUM* value = nullptr;
  EVP_PKEY_get_bn_param(key, which, &value);
  return BigPtr(value);
}

std::optional<Refusal> look_at_numbers(const EVP_PKEY* key, int network_bits) {
  const BigPtr n = number(key, OSSL_PKEY_PARAM_RSA_N), e = number(key, OSSL_PKEY_PARAM_RSA_E);
  if (!n || !e) return Refusal{"the key holds no RSA numbers", kHintForm};
  const int bits = BN_num_bits(n.get());
  if (bits == 2048 && network_bits != 2048)
    return Refusal{"the key has 2048 bits, and this network wants 3072 or 4096",
                   "2048 is taken only where GOSSIPD_RSA_BITS is 2048"};
  if (bits != 2048 && bits != 3072 && bits != 4096)
    return Refusal{"the key has " + std::to_string(bits) + " bits, and must have " +
                       (network_bits == 2048 ? "2048, " : "") + "3072 or 4096",
                   "a key that gossipd made has one of these sizes"};
  if (!BN_is_word(e.get(), 65537)) return Refusal{"the public exponent is not 65537", "a key that gossipd made has that one"};
  if (!BN_is_odd(n.get())) return Refusal{"the modulus is even", "the key is damaged or was made to deceive; ask for it again"};
  return std::nullopt;
}

}  // namespace

Result<ImportedKey> import_public(std::string_view text, int network_bits) {
  const auto block = find_block(text);
  if (!block) return block.refusal();
  const Bytes der = decode_pem(*block);
  if (der.empty()) return Refusal{"the PEM block cannot be read", "copy it whole, with its BEGIN and END lines"};
  return import_der(der, network_bits);
}

Result<ImportedKey> import_der(View der, int network_bits) {
  const std::uint8_t* at = der.data();
  const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!key) return Refusal{"the block does not hold a public key of a kind we know", kHintForm};
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) return Refusal{"the key is not a plain RSA key (rsaEncryption)", kHintForm};
  if (at != der.data() + der.size()) return Refusal{"there are bytes behind the key inside the block", kHintForm};
  if (auto refusal = look_at_numbers(key.get(), network_bits)) return *refusal;

  ImportedKey out;
  out.spki_der = to_der(i2d_PUBKEY, key.get(), "i2d_PUBKEY");
  if (!std::equal(out.spki_der.begin(), out.spki_der.end(), der.begin(), der.end())) return Refusal{"the key is not in its usual DER form", kHintForm};
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new(key.get(), nullptr), "EVP_PKEY_CTX_new");
  const bool sound = EVP_PKEY_public_check(ctx.get()) == 1;
  ERR_clear_error();
  if (!sound) return Refusal{"the key fails OpenSSL's check", "it is damaged or was made to deceive; ask for it again"};
  out.bits = EVP_PKEY_get_bits(key.get());
  out.fp = fingerprint(*make_crypto(), out.spki_der);
  return out;
}

}  // namespace gossip::crypto
