#include "gossip/derive.h"

namespace gossip {
namespace {

Bytes labelled(std::string_view label, View x, std::size_t spare) {
  constexpr std::string_view kVersion = "gossipd/1 ";
  Bytes out;
  out.reserve(kVersion.size() + label.size() + 1 + x.size() + spare);
  Writer(out).bytes(as_view(kVersion)).bytes(as_view(label)).u8(0).bytes(x);
  return out;
}

Secret32 secret_hmac(Crypto& crypto, View key, View data) {
  Hash hash = crypto.hmac(key, data);
  Secret32 out{View(hash)};
  wipe(hash);
  return out;
}

}  // namespace

Bytes concat(std::initializer_list<View> parts) {
  std::size_t size = 0;
  for (View part : parts) size += part.size();
  Bytes out;
  out.reserve(size);
  for (View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Hash lab(Crypto& crypto, std::string_view label, View x) { return crypto.sha256(labelled(label, x, 0)); }

Secret32 extract(Crypto& crypto, View salt, View ikm) { return secret_hmac(crypto, salt, ikm); }

Secret32 expand(Crypto& crypto, View key, std::string_view label, View context) {
  Bytes info = labelled(label, context, 1);
  info.push_back(1);  // the first and only block of HKDF-Expand
  return secret_hmac(crypto, key, info);
}

void Transcript::add(View message) { h_ = Secret32{View(crypto_->sha256(concat({h_, message})))}; }

Secret32 Transcript::m1_key(View n_i) const { return expand(*crypto_, root_, "m1", n_i); }
Bytes Transcript::m1_ad(View n_i, View tag) const { return concat({h_, n_i, tag}); }
Secret32 Transcript::m2_key(View n_r) const { return expand(*crypto_, root_, "m2", concat({h_, n_r})); }
Bytes Transcript::m2_ad(View n_r) const { return concat({h_, n_r}); }
Hash Transcript::label_cr(View n_r, View b2a) const { return lab(*crypto_, "cR", concat({h_, n_r, b2a})); }
Hash Transcript::label_ci() const { return lab(*crypto_, "cI", h_); }
Secret32 Transcript::m3_key() const { return expand(*crypto_, ck_, "m3", h_); }

void Transcript::mix(View ee, View ss_pq, View k_r) {
  Secret<96> all;
  std::copy_n(ee.begin(), 32, all.mut().begin());
  std::copy_n(ss_pq.begin(), 32, all.mut().begin() + 32);
  std::copy_n(k_r.begin(), 32, all.mut().begin() + 64);
  ck_ = extract(*crypto_, root_, all);
}

SessionKeys Transcript::finish(View k_i) {
  ck_ = extract(*crypto_, ck_, k_i);
  SessionKeys keys;
  keys.i2r = expand(*crypto_, ck_, "i2r", h_);
  keys.r2i = expand(*crypto_, ck_, "r2i", h_);
  Secret32 sid = expand(*crypto_, ck_, "sid", h_);
  std::copy_n(sid.view().begin(), 32, keys.sid.begin());
  return keys;
}

}  // namespace gossip
