// Invitations, as they are pasted: what is accepted is said again in the very same line, and its keys and addresses are looked at
// as strictly as any. A change of one good line is seen.
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "gossip/derive.h"
#include "gossip/invite.h"
#include "gossip/limits.h"
#include "gossip/text.h"
#include "gossipc/taken.h"
#include "support/fuzz_input.h"
#include "support/test_keys.h"

using namespace gossip;

namespace {

constexpr std::string_view kBegin = "gossip-invite:1:";

std::string armour(View payload) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out(kBegin);
  for (std::size_t bit = 0; bit < payload.size() * 8; bit += 6) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 6; ++i)
      digit = digit << 1 | (i / 8 < payload.size() ? payload[i / 8] >> (7 - i % 8) & 1u : 0u);
    out += kDigits[digit];
  }
  return out;
}

void look_inside(const Invitation& invitation) {
  for (const int bits : {2048, 3072}) {
    const auto taken = client::take(invitation, bits);
    if (!taken) {
      GOSSIP_CHECK(!taken.refusal().what.empty());
      continue;
    }
    GOSSIP_CHECK(taken->addresses.size() == invitation.places.size() && taken->joining.until_ms == invitation.until_ms);
    GOSSIP_CHECK(crypto::load_public(taken->joining.theirs.spki_der)->size() == invitation.modulus.size());
    GOSSIP_CHECK(crypto::load_private(taken->joining.one_use)->size() == invitation.modulus.size());
  }
}

bool check(Crypto& crypto, std::string_view text, bool inside) {
  const auto got = parse_invitation(crypto, text);
  if (!got) {
    GOSSIP_CHECK(!got.refusal().what.empty() && got.refusal().what.find('\n') == std::string::npos);
    return false;
  }
  GOSSIP_CHECK(text.size() <= kMaxInvite && got->places.size() <= kMaxAddresses && got->until_ms >= 0);
  GOSSIP_CHECK(got->name.empty() || valid_peer_name(got->name));
  std::string bare(text.substr(text.find(kInvitePrefix)));
  std::erase_if(bare, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  GOSSIP_CHECK(format_invitation(crypto, *got) == bare);
  if (inside) look_inside(*got);
  return true;
}

// Whatever a payload holds, with a check that is right.
void forged(Crypto& crypto, Bytes payload) {
  const Hash sum = lab(crypto, "invite", payload);
  payload.insert(payload.end(), sum.begin(), sum.begin() + 8);
  check(crypto, armour(payload), true);
}

Bytes good_payload() {
  Bytes out;
  Writer w(out);
  w.u64(1'700'000'000'000).u8(5).bytes(as_view("alice")).u8(1).u8(9).bytes(as_view("127.0.0.1")).u16(5555).u16(2048);
  w.bytes(crypto::modulus_of(test::ann_key())).bytes(crypto::primes_of(test::bob_key()));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto crypto = crypto::make_crypto();
  static const Bytes good = good_payload();
  test::Feed feed(data, size);
  Bytes payload = good;
  switch (feed.u8() % 4) {
    case 0: check(*crypto, as_text(feed.rest()), true); break;
    case 1: {  // a line changed on its way
      std::string line = [] {
        Bytes whole = good;
        const Hash sum = lab(*crypto, "invite", whole);
        whole.insert(whole.end(), sum.begin(), sum.begin() + 8);
        return armour(whole);
      }();
      const std::string was = line;
      const std::size_t at = feed.number(2) % line.size();
      line[at] = static_cast<char>(feed.u8());
      const bool white = line[at] == ' ' || line[at] == '\t' || line[at] == '\r' || line[at] == '\n';
      GOSSIP_CHECK(check(*crypto, line, false) == (line == was) || white);
      break;
    }
    case 2:  // numbers and words changed by whoever made it
      for (int n = feed.u8() % 4; n > 0; --n) payload[feed.number(2) % payload.size()] ^= feed.u8();
      if (feed.u8() % 4 == 0) payload.resize(feed.number(2) % payload.size());
      forged(*crypto, std::move(payload));
      break;
    default: {
      const View rest = feed.rest();
      if (rest.size() < 4096) forged(*crypto, Bytes(rest.begin(), rest.end()));
    }
  }
  return 0;
}
