// OpenSSL objects that free themselves, and its errors as exceptions. Private to the floor.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "gossip/bytes.h"

namespace gossip::crypto {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const { kFree(object); }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, Free<EVP_CIPHER_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, Free<EVP_MAC_free>>;
using MacCtxPtr = std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>>;
using MdPtr = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>>;

// Rationale: where memory ran out on the way, OpenSSL may give any reason, and the system's own word stands; or none, as it does
// nowhere else.
[[noreturn]] inline void fail(const char* call) {
  const unsigned long code = ERR_peek_last_error();
  if (errno == ENOMEM || code == 0 || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
    ERR_clear_error();
    throw std::bad_alloc();
  }
  char reason[256];
  ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  throw std::runtime_error(std::string(call) + ": " + reason);
}

inline void need(bool worked, const char* call) {
  if (!worked) fail(call);
}

template <class Ptr, class T>
Ptr own(T* object, const char* call) {
  if (object == nullptr) fail(call);
  return Ptr(object);
}

// DER of an object, by its i2d function.
template <class Function, class T>
Bytes to_der(Function i2d, const T* object, const char* call) {
  const int size = i2d(object, nullptr);
  need(size > 0, call);
  Bytes out(static_cast<std::size_t>(size));
  std::uint8_t* to = out.data();
  need(i2d(object, &to) == size, call);
  return out;
}

}  // namespace gossip::crypto
